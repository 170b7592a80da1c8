import { exportOnnx, webPage } from '@kd/export';
import type { Format } from './format.js';
import { inputLine } from './input-line.js';

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;

/**
 * A folder with a page. Images of any size where the run's rule makes such, and maps that the page decodes, where it
 * can: so it pads and clips as `kd predict` does.
 */
export const web: Format = async (detector, options) => {
  const wanted = {
    ...options,
    ...(options.size === undefined && detector.input.fixedSize === null && { size: 'dynamic' as const }),
  };
  const dense = detector.exported?.().detections?.kind === 'dense';
  const onnx = exportOnnx(detector, { ...wanted, outputs: options.outputs ?? (dense ? 'maps' : 'detections') });
  const { files, bytes } = await webPage(onnx);
  const { wasm, webgpu, webgl } = bytes.runtime;
  return {
    content: files,
    lines: [
      inputLine(onnx.model, detector),
      `page and script ${((bytes.page + bytes.script) / 1e3).toFixed(0)} kB, model ${megabytes(bytes.model)}; of onnxruntime a browser loads one: WebGPU ${megabytes(webgpu)}, WASM ${megabytes(wasm)}, WebGL ${megabytes(webgl)}`,
      `to try it: kd serve ${options.out}; any file server will do`,
    ],
  };
};
