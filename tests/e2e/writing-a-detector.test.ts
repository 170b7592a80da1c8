import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testDetector } from '@kd/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import squares from './configs/squares.js';
import { config, kd, root, temporaryFolder } from './kd.js';

testDetector(squares, { options: { backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 }, fpnChannels: 4, depth: 2, input: { minSize: 64, maxSize: 64 } } });

/** Source without indentation, so that an excerpt is found inside of a function. */
const lines = (text: string): string => text.trim().split('\n').map((line) => line.trim()).join('\n');

const terms = (run: string): Record<string, number>[] =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as { type: string; terms: Record<string, number> }).flatMap((line) => (line.type === 'log' ? [line.terms] : []));

describe('docs/writing-a-detector.md', () => {
  const page = readFileSync(join(root, 'docs/writing-a-detector.md'), 'utf8');
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code!);
  /** Files that the type check reads and that tests run: their code is true. */
  const sources = [config('squares.ts'), config('squares-taught.config.ts'), join(root, 'packages/testing/src/toy-detector.ts'), fileURLToPath(import.meta.url)].map((file) => lines(readFileSync(file, 'utf8')));

  test('has the detector that is trained below, whole', () => {
    expect(blocks[0]).toBe(readFileSync(config('squares.ts'), 'utf8').split('\n').slice(1).join('\n'));
  });

  test.each(blocks.map((code) => [code.split('\n')[0]!, code] as const))('shows code that stands in a file of the repository: %s', (_, code) => {
    expect(sources.some((source) => source.includes(lines(code)))).toBe(true);
  });
});

describe('the detector of the page', () => {
  const teacher = join(temporaryFolder(), 'teacher');
  beforeAll(async () => {
    const { code, stderr } = await kd(['train', config('squares.config.ts'), '--out', teacher, '--seed', '1']);
    expect(code, stderr).toBe(0);
  }, 300_000);

  test('trains alone', () => {
    const [first, second] = terms(teacher);
    expect(Object.keys(first!)).toEqual(expect.arrayContaining(['classification', 'box']));
    expect(second!['classification']).not.toBe(first!['classification']);
  });

  test('is taught by CrossKD and by PKD', async () => {
    const out = join(temporaryFolder(), 'student');
    const { code, stderr } = await kd(['train', config('squares.config.ts'), '--out', out], { env: { KD_E2E_TEACHER: teacher } });
    expect(code, stderr).toBe(0);
    expect(terms(out)).toHaveLength(2);
    for (const step of terms(out)) for (const name of ['crosskd.cls', 'crosskd.reg', 'pkd.feat']) expect(step[name], name).toBeGreaterThan(1e-6);
  });
});
