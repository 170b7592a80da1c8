import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testDetector } from '@kd/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import squares from './configs/squares.js';
import { config, kd, root, temporaryFolder } from './kd.js';
import { codeOf, loggedTerms, shownCode, testStandsInFiles } from './page-code.js';

testDetector(squares, {
  options: {
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
    fpnChannels: 4,
    depth: 2,
    input: { minSize: 64, maxSize: 64 },
  },
});

const PAGE = 'docs/writing-a-detector.md';

describe(PAGE, () => {
  test('has the detector that is trained below, whole', () => {
    expect(codeOf(PAGE, 'ts')[0]!.code).toBe(shownCode('squares.ts'));
  });

  testStandsInFiles(PAGE, [
    config('squares.ts'),
    config('squares-taught.config.ts'),
    join(root, 'packages/testing/src/toy-detector.ts'),
    fileURLToPath(import.meta.url),
  ]);
});

describe('the detector of the page', () => {
  const teacher = join(temporaryFolder(), 'teacher');
  beforeAll(async () => {
    const { code, stderr } = await kd(['train', config('squares.config.ts'), '--out', teacher, '--seed', '1']);
    expect(code, stderr).toBe(0);
  }, 300_000);

  test('trains alone', () => {
    const [first, second] = loggedTerms(teacher);
    expect(Object.keys(first!)).toEqual(expect.arrayContaining(['classification', 'box']));
    expect(second!['classification']).not.toBe(first!['classification']);
  });

  test('is taught by CrossKD and by PKD', async () => {
    const out = join(temporaryFolder(), 'student');
    const { code, stderr } = await kd(['train', config('squares.config.ts'), '--out', out], {
      env: { KD_E2E_TEACHER: teacher },
    });
    expect(code, stderr).toBe(0);
    expect(loggedTerms(out)).toHaveLength(2);
    for (const step of loggedTerms(out))
      for (const name of ['crosskd.cls', 'crosskd.reg', 'pkd.feat']) expect(step[name], name).toBeGreaterThan(1e-6);
  });
});
