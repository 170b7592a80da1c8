import '@tensorflow/tfjs-backend-cpu';
import type { DetectorDefinition } from '@kd/core';
import { gfl } from '@kd/detector-gfl';
import { expect, it } from 'vitest';
import { drawn, tiny } from '../../test/detectors.js';
import { exportOnnx } from '../onnx/export-onnx.js';
import { webPage } from './web-page.js';

const text = (content: Uint8Array | undefined): string => new TextDecoder().decode(content);

it('holds all that it names, and names nothing outside', async () => {
  const detector = drawn(gfl.definition as unknown as DetectorDefinition<never>, tiny);
  const onnx = exportOnnx(detector, { outputs: 'maps', size: 'dynamic' });
  detector.dispose();
  const { files, bytes } = await webPage(onnx);
  expect(files.get('model.onnx')).toBe(onnx.bytes);
  const html = text(files.get('index.html'));
  for (const [, name] of html.matchAll(/(?:src|href)="([^"]+)"/g))
    if (name !== 'data:,') expect(files.has(name!), name).toBe(true);
  expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=/);
  expect(html).toMatch(/Content-Security-Policy" content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
  for (const [name, content] of files) {
    if (!/^detect\/.*\.js$/.test(name)) continue;
    const code = text(content);
    for (const [, other] of code.matchAll(/\bfrom '([^']+)'/g))
      expect(files.has(new URL(other!, `http://page/${name}`).pathname.slice(1)), `${name}: ${other}`).toBe(true);
    expect(code).not.toMatch(/innerHTML|insertAdjacentHTML|sourceMappingURL|https?:\/\//);
  }
  const runtime = [...text(files.get('detect/page/runtime.js')).matchAll(/'(ort\.[^']+\.mjs)'/g)];
  expect(runtime).toHaveLength(3);
  for (const [, name] of runtime) expect(files.has(`ort/${name}`), name).toBe(true);
  expect(bytes.script).toBeLessThan(60_000);
  expect(bytes.model).toBe(onnx.bytes.length);
});

it('is not made around maps that it cannot decode', async () => {
  const detector = drawn(gfl.definition as unknown as DetectorDefinition<never>, tiny);
  const { bytes, model } = exportOnnx(detector, { outputs: 'maps' });
  detector.dispose();
  const { post, ...without } = model;
  expect(post).toBeDefined();
  await expect(webPage({ bytes, model: without })).rejects.toMatchObject({ code: 'USAGE' });
});
