import { expect, test } from 'vitest';
import { describeOnTensorflow } from '../needs-tensorflow.js';
import { kd, kdProcess, temporaryFolder } from './kd.js';

describeOnTensorflow('kd doctor', () => {
  test('says which engine, which library and what to do', async () => {
    const { code, stdout } = await kd(['doctor', '--json']);
    const found = JSON.parse(stdout) as {
      ok: boolean;
      started: { engine: { version: string; threads: number } };
      copies: Record<string, unknown[]>;
      places: unknown[];
      advice: string[];
    };
    expect(found).toMatchObject({ ok: true, started: { ok: true }, advice: [] });
    expect(found.started.engine.version).toMatch(/^\d+\.\d+/);
    expect(Object.entries(found.copies).map(([name, copies]) => [name, copies.length])).toEqual([
      ['@kd/core', 1],
      ['@tensorflow/tfjs-core', 1],
      ['@tensorflow/tfjs-layers', 1],
    ]);
    expect(found.places.length).toBeGreaterThan(0);
    expect(code).toBe(0);
    expect((await kdProcess(['doctor'])).stdout).toMatch(/^well: tensorflow .* it starts/);
  });
});

test('is not well where an engine is named that does not run', async () => {
  const { code, stdout } = await kdProcess(['doctor', '--engine', 'nonsense']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^NOT WELL: nonsense, as --engine or KD_ENGINE names it, does not run here; tensorflow/);
  expect(stdout).toMatch(
    /to do: --engine or KD_ENGINE names an engine that does not run here: no engine named "nonsense"/,
  );
  expect((await kdProcess(['doctor'], { env: { KD_ENGINE: 'wasm' } })).stdout).toMatch(
    /^well: [^]*\nengine {4}wasm, .* and it starts\n/,
  );
});

test('is well without Python and a compiler, and says what would be faster', async () => {
  const folder = temporaryFolder();
  const bare = { PATH: folder, KD_PYTHON: '/nope', KD_CACHE: folder, KD_TENSORFLOW: undefined, KD_ENGINE: undefined };
  const { code, stdout } = await kdProcess(['doctor'], { env: bare });
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/^python +none: KD_PYTHON=\/nope does not run$/m);
  expect(stdout).toMatch(/^well: tensorflow, not (ready|set up yet); trains on (wasm .*, several times slower|webgpu)/);
  expect(stdout).toMatch(/^compiler {2}none$/m);
  expect(stdout).toMatch(/^to do: .*apt install python3 python3-pip/m);
  expect(stdout).toMatch(/^to do: .*apt install g\+\+/m);
});
