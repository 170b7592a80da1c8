// A RetinaNet student under the methods of its papers. Its teacher lies here, too.
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/dense/retinanet.study.ts --out runs/bccd-retinanet
import { defineStudy } from '@kd/core';
import { split } from '../common.js';
import { kept, student, training } from './models.js';

export default defineStudy({
  student: { ...training, student: student('retinanet'), teacher: kept('retinanet'), epochs: 12 },
  variants: {
    alone: {},
    ssim: { distillers: ['ssim'] },
    fgfi: { distillers: ['fgfi'] },
    gid: { distillers: ['gid'] },
    // Its decoders are trained for the first thousand steps by default, which is more than there are here.
    icd: { distillers: [['icd', { schedule: { start: 0 } }]] },
    fgd: { distillers: ['fgd'] },
    fbkd: { distillers: ['fbkd'] },
    crosskd: { distillers: ['crosskd'] },
    prototypes: { distillers: ['prototype'] },
  },
  test: split('test'),
});
