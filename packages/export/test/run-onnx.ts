import { InferenceSession, Tensor } from 'onnxruntime-node';

export interface OnnxResult {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** The outputs of an ONNX file by name, run by onnxruntime. */
export async function runOnnx(
  bytes: Uint8Array,
  images: Float32Array | Uint8Array,
  shape: readonly number[],
): Promise<Record<string, OnnxResult>> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const type = images instanceof Uint8Array ? 'uint8' : 'float32';
  try {
    const found = await session.run({ images: new Tensor(type, images as Float32Array, shape) });
    return Object.fromEntries(
      Object.entries(found).map(([name, { dims, data }]) => [
        name,
        { dims, data: Array.from(data as Float32Array, Number) },
      ]),
    );
  } finally {
    await session.release();
  }
}
