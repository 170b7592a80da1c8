import { exportOnnx } from '@kd/export';
import type { Format } from './format.js';
import { inputLine } from './input-line.js';

/** One file. */
export const onnx: Format = (detector, { outputs = 'detections', out: _, ...options }) => {
  const { bytes, model } = exportOnnx(detector, { ...options, outputs });
  const batch = model.input.batch === 1 ? '' : ', image [n]';
  return {
    content: bytes,
    lines: [
      inputLine(model, detector),
      outputs === 'maps'
        ? `outputs: the maps of the head by level, as [n, h, w, c]; post in its metadata (key kd) says how they become detections`
        : `outputs: boxes [n, 4] as x1 y1 x2 y2 in pixels of the input, scores [n], labels [n]${batch}`,
    ],
  };
};
