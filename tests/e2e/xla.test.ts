// Steps that XLA compiles, beside steps op by op: what XLA knows nothing of is composed for it, or told.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { needsTensorflow } from '../needs-tensorflow.js';
import { temporaryFolder } from './kd.js';

needsTensorflow();

type Terms = Readonly<Record<string, number>>;
interface Said {
  readonly models: Readonly<Record<'retinanet' | 'live' | 'fcos' | 'taught', Record<'plain' | 'compiled', Terms[]>>>;
  readonly warnings: readonly string[];
  readonly refused: readonly { readonly code: string; readonly message: string }[];
}

const folder = temporaryFolder();

it('trains with XLA as without, and names an op that XLA cannot compile', async () => {
  const child = fileURLToPath(new URL('xla-child.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child, folder]);
  const { models, warnings, refused } = JSON.parse(stdout) as Said;
  expect(warnings).toEqual([]);
  for (const [name, { plain, compiled }] of Object.entries(models)) {
    expect(plain, name).toHaveLength(2);
    expect(compiled, name).toHaveLength(2);
    plain.forEach((terms, step) => {
      for (const [term, value] of Object.entries(terms))
        expect(Math.abs(compiled[step]![term]! / value - 1), `${term} of ${name}, step ${step}`).toBeLessThan(1e-4);
    });
  }
  expect(Object.keys(models.taught.plain[0]!)).toEqual(expect.arrayContaining([expect.stringMatching(/^ssim/)]));
  const message =
    'a crop cannot be compiled: XLA has no way to compile CropAndResize. Leave the option xla of the engine out.';
  expect(refused).toEqual([1, 2].map(() => ({ code: 'COMPILE_REFUSED', message })));
});
