// A GFL student under every method that suits it. Its teacher lies here: KD_KIND=gfl kd train dense/teacher.config.ts.
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/dense/gfl.study.ts --out runs/bccd-gfl
import { defineStudy } from '@kd/core';
import { split } from '../common.js';
import { kept, student, training } from './models.js';

export default defineStudy({
  student: { ...training, student: student('gfl'), teacher: kept('gfl'), epochs: 12 },
  variants: {
    alone: {},
    pkd: { distillers: ['pkd'] },
    cwd: { distillers: ['cwd'] },
    mgd: { distillers: ['mgd'] },
    fgd: { distillers: ['fgd'] },
    ld: { distillers: [['ld', { vlr: 0 }]] },
    'ld-region': { distillers: ['ld'] },
    fr: { distillers: ['frs'] },
    pfi: { distillers: ['pfi'] },
    crosskd: { distillers: ['crosskd'] },
    'crosskd-ld': { distillers: ['crosskd', 'ld'] },
  },
  test: split('test'),
});
