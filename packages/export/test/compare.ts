import type { Detector } from '@kd/core';
import { expect } from 'vitest';
import { exportOnnx, type OnnxOptions } from '../src/onnx/export-onnx.js';
import { detected } from './detected.js';
import { pixels } from './detectors.js';
import { expectSame } from './expect-same.js';
import { runOnnx } from './run-onnx.js';

/** Runs a detector and its ONNX file on `n` images: the same maps of its dense head, and the same detections. */
export async function compare(detector: Detector, size: readonly [number, number], options: OnnxOptions = {}, n = 1) {
  const images = pixels(n, size);
  const { maps, images: wanted } = await detected(detector, images, [n, ...size]);
  const raw = await runOnnx(exportOnnx(detector, { ...options, outputs: 'maps' }).bytes, images, [n, ...size, 3]);
  for (const [name, levels] of Object.entries(maps))
    levels.forEach((level, i) => {
      const stride = detector.exported!().strides[i]!;
      const map = raw[`${name}@p${Math.log2(stride)}`]!;
      const scale = Math.max(...level.map(Math.abs));
      const worst = Math.max(...level.map((value, at) => Math.abs(value - map.data[at]!)));
      expect(map.data).toHaveLength(level.length);
      expect(worst / scale).toBeLessThan(2e-5);
    });
  expectSame(await runOnnx(exportOnnx(detector, options).bytes, images, [n, ...size, 3]), wanted);
}
