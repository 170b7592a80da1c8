import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostTensor } from '@kd/core';
import { fromTorchvision, openWeights, readSafetensors, safetensorsFormat } from '@kd/weights';
import { afterAll, describe, expect } from 'vitest';
import { describeGolden, expectEqual, goldenTest, readWhole } from './support/index.js';

interface Index {
  /** What is in each file, in words: which container, which names. */
  readonly files: Readonly<Record<string, string>>;
  /** Shapes by name, as torch has them. */
  readonly keys: Readonly<Record<string, readonly number[]>>;
}

const folder = mkdtempSync(join(tmpdir(), 'kd-golden-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Checkpoints of torch, beside the same tensors as safetensors. */
describeGolden('detectors', (area) => {
  for (const samples of area.members.filter(({ index }) => index['detector'] === undefined)) {
    describe(samples.name, () => {
      const index = samples.index as unknown as Index;
      const golden = (name: string, run: () => Promise<void>): void =>
        goldenTest('checkpoint', samples.name, name, run);

      // Versions of what wrote the files stand in it as well.
      golden('index', () =>
        readWhole(
          index,
          async ({ keys, files }) => {
            const { tensors } = await readSafetensors(join(samples.folder, 'expected.safetensors'));
            expect(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual({ ...keys });
            for (const [file, about] of Object.entries({ ...files })) {
              expect(files[file]).toBe(about);
              const weights = await openWeights(join(samples.folder, file));
              expect(weights.container, file).toBe(about.includes('pre-1.6 container') ? 'legacy' : 'zip');
              expect(weights.key, file).toBe(about.includes('checkpoint {model') ? 'model' : null);
            }
          },
          ['made_with'],
        ),
      );

      for (const [file, about] of Object.entries(index.files)) {
        golden(`${file}: every tensor`, async () => {
          const found = (await safetensorsFormat.read(join(samples.folder, file))).tensors;
          const beside = /(\w+\.safetensors) has the same tensors/.exec(about)?.[1] ?? 'expected.safetensors';
          const { tensors } = await readSafetensors(join(samples.folder, beside));
          const asTheyAre = /same tensors|plain dict|what torchvision's/.test(about);
          // Older names and prefixes of wrappers become those of today.
          if (asTheyAre) expectSame(found, tensors);
          else expectSame(fromTorchvision(found), fromTorchvision(tensors));
        });

        golden(`${file}: cut at every 1000th byte, one error`, async () => {
          const whole = readFileSync(join(samples.folder, file));
          const path = join(folder, file);
          for (let length = 0; length < whole.length; length += 1000) {
            writeFileSync(path, whole.subarray(0, length));
            await expect(readAll(path), `${length} bytes`).rejects.toMatchObject({
              code: 'CHECKPOINT_INVALID',
              message: expect.stringContaining(path) as string,
            });
          }
        });
      }
    });
  }
});

/** Every number in a file. */
async function readAll(file: string): Promise<number> {
  const { tensors } = await safetensorsFormat.read(file);
  return [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
}

function expectSame(found: ReadonlyMap<string, HostTensor>, wanted: ReadonlyMap<string, HostTensor>): void {
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, { dtype, shape, data }] of wanted) {
    const other = found.get(name)!;
    expect([other.dtype, ...other.shape], name).toEqual([dtype, ...shape]);
    expectEqual(Array.from(other.data, Number), Array.from(data, Number), name);
  }
}
