import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { patches, pyramid } from '../../packages/teacher-onnx/test/graphs.js';
import { writeGraph } from '../../packages/teacher-tfjs/test/models.js';
import { kd, kdProcess, temporaryFolder } from './kd.js';

describe('kd teacher inspect', () => {
  test('lists maps, the fitting ones first, and the lines of a config', async () => {
    const { code, stdout } = await kdProcess(['teacher', 'inspect', pyramid()]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/input {6}images: float32 \[\?, 3, \?, \?\] NCHW; strides are of an image of 448 × 448/);
    expect(stdout).toMatch(/^yes {3}c2 +NCHW +6 +4 +112 × 112 +Conv$/m);
    expect(stdout.indexOf('\nyes   c5')).toBeLessThan(stdout.search(/\n +c1 /));
    expect(stdout).toMatch(/teacher: \['onnx', \{\n {4}model: '.*model\.onnx',/);
    expect(stdout).toMatch(/taps: \{\n {6}c2: 'c2',\n {6}c3: 'c3',/);
  });

  test('the same as JSON', async () => {
    const { stdout } = await kd(['teacher', 'inspect', patches(4), '--json']);
    const found = JSON.parse(stdout) as { readonly maps: readonly object[] };
    expect(found).toMatchObject({
      ok: true,
      input: { height: 64 },
      config: { input: { fixedSize: [64, 64] }, taps: { c4: 'tokens' } },
    });
    expect(found.maps[0]).toMatchObject({ tensor: 'tokens', layout: 'tokens', skip: 5, channels: 3, stride: 16 });
  });

  test('a model of TensorFlow.js, by its folder or its JSON', async () => {
    const folder = join(temporaryFolder(), 'graph');
    await writeGraph(folder);
    const { code, stdout } = await kdProcess(['teacher', 'inspect', folder]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/from {7}TensorFlow\.js, a graph model\ninput {6}\[\?, \?, \?, 3\] NHWC; .* 448 × 448/);
    expect(stdout).toMatch(/^yes {3}stem\/relu +NHWC +6 +4 +112 × 112$/m);
    expect(stdout).toMatch(/teacher: \['tfjs', \{\n {4}model: '.*graph\/model\.json',/);
    expect(stdout).toMatch(/taps: \{\n {6}c2: 'stem\/relu',\n {6}c3: 'deep\/relu',/);
    const json = await kd(['teacher', 'inspect', join(folder, 'model.json'), '--size', '64', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: true,
      kind: 'graph',
      size: [64, 64],
      config: { taps: { c3: 'deep/relu' } },
    });
  });

  test('a size to try', async () => {
    const { stdout } = await kd(['teacher', 'inspect', pyramid(), '--size', '96x128', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ size: [96, 128] });
    const { code, stderr } = await kd(['teacher', 'inspect', pyramid(), '--size', 'large']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('pixels are meant')]);
  });

  test('a file that is none is one error', async () => {
    const file = join(temporaryFolder(), 'model.onnx');
    writeFileSync(file, '<html>404</html>');
    const { code, stdout, stderr } = await kd(['teacher', 'inspect', file]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^error \[TEACHER_INVALID\] .*a page of HTML/)]);
  });

  test('a project without the package is told the line that adds it', async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'models'));
    copyFileSync(pyramid(), join(cwd, 'models/a.onnx'));
    const { code, stderr } = await kd(['teacher', 'inspect', 'models/a.onnx'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/\[PLUGIN_NOT_FOUND\].*pnpm add -D --ignore-scripts @kd\/teacher-onnx onnxruntime-node/);
  });
});
