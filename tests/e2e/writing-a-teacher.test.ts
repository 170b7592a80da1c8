import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testTeacher } from '@kd/testing';
import { describe, expect, test } from 'vitest';
import pooled from './configs/pooled.js';
import { config, kd, temporaryFolder } from './kd.js';
import { codeOf, loggedTerms, shownCode, testStandsInFiles } from './page-code.js';

testTeacher(pooled, { options: { input: { fixedSize: [64, 64], mean: [0, 0, 0], std: [1, 1, 1] } } });

const PAGE = 'docs/writing-a-teacher.md';

describe(PAGE, () => {
  test('has the teacher that is tested above, whole', () => {
    expect(codeOf(PAGE, 'ts')[0]!.code).toBe(shownCode('pooled.ts'));
  });

  testStandsInFiles(PAGE, [config('pooled.ts'), config('pooled-shown.config.ts'), fileURLToPath(import.meta.url)]);
});

describe('two teachers of features alone', () => {
  test('are planned with what is resampled, and teach a student each', async () => {
    const plan = await kd(['plan', config('pooled.config.ts')]);
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.stdout).toMatch(/teacher near: pooled, from the config itself/);
    expect(plan.stdout).toMatch(/distiller fitnets: .*, learns from far/);
    expect(plan.stdout).toMatch(/8, paired +neck@p3 .*c4, resampled from stride 16/);
    const out = join(temporaryFolder(), 'student');
    const { code, stderr } = await kd(['train', config('pooled.config.ts'), '--out', out]);
    expect(code, stderr).toBe(0);
    for (const step of loggedTerms(out)) {
      expect(step['pkd.feat']).toBeGreaterThan(1e-6);
      expect(step['fitnets.hint']).toBeGreaterThan(1e-6);
    }
    expect(JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'))).toMatchObject({
      teacher: null,
      teachers: { near: { detector: 'pooled' }, far: { detector: 'pooled' } },
    });
  });
});
