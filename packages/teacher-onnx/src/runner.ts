import type { InferenceSession } from 'onnxruntime-node';
import { asTaps, feedName, outputName, type TapTensor } from './model/as-taps.js';
import type { ImageInput } from './model/image-input.js';
import type { OnnxModel } from './model/onnx-model.js';
import { teacherError } from './model/teacher-error.js';
import { onnxruntime, ownWords, session } from './runtime.js';

/** A tensor as onnxruntime gives it: [b, h, w, c], or tokens [b, n, c]. */
export interface RunTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export interface Runner {
  /**
   * @param images in the layout of the model, of any number
   * @returns a tensor for each of the taps
   */
  run(
    images: { readonly data: Float32Array; readonly shape: readonly number[] },
    taps: readonly TapTensor[],
  ): Promise<readonly RunTensor[]>;
  dispose(): Promise<void>;
}

/** Runs a model for whatever taps are wanted. Each choice of them has a session, without what it does not need. */
export function createRunner(model: OnnxModel, input: ImageInput, threads: number | undefined): Runner {
  const sessions = new Map<string, Promise<InferenceSession>>();
  const sessionFor = (taps: readonly TapTensor[]): Promise<InferenceSession> => {
    const key = JSON.stringify(taps.map(({ tensor }) => tensor));
    const made =
      sessions.get(key) ??
      session(asTaps(model, input, taps), threads === undefined ? {} : { intraOpNumThreads: threads });
    sessions.set(key, made);
    return made;
  };
  return {
    async run({ data, shape }, taps) {
      const running = await sessionFor(taps);
      const { Tensor } = await onnxruntime();
      const [batch = 0, ...image] = shape;
      const step = input.batch ?? batch;
      const size = image.reduce((product, one) => product * one, 1);
      const parts: (readonly RunTensor[])[] = [];
      for (let from = 0; from < batch; from += step) {
        const feed = new Tensor('float32', padded(data.subarray(from * size, (from + step) * size), step * size), [
          step,
          ...image,
        ]);
        try {
          const found = await running.run({ [feedName(input)]: feed });
          parts.push(
            taps.map((_, index) => {
              const { data: values, dims } = found[outputName(index)]!;
              return { data: values as Float32Array, shape: dims };
            }),
          );
        } catch (cause) {
          throw teacherError(
            model.file,
            `it does not run on images [${[step, ...image].join(', ')}]: ${ownWords(cause)}`,
            'Give images of the size and in the number that it was exported for, or export it again with axes that may change.',
            cause,
          );
        }
      }
      return taps.map((_, index) =>
        joined(
          parts.map((part) => part[index]!),
          batch,
        ),
      );
    },
    async dispose() {
      const made = await Promise.allSettled(sessions.values());
      sessions.clear();
      for (const one of made) if (one.status === 'fulfilled') await one.value.release();
    },
  };
}

/** The last images of a batch may be fewer than the file wants at once. */
function padded(data: Float32Array, length: number): Float32Array {
  if (data.length === length) return data;
  const whole = new Float32Array(length);
  whole.set(data);
  return whole;
}

/** Parts one after the other, without what was padded. */
function joined(parts: readonly RunTensor[], batch: number): RunTensor {
  const [first] = parts;
  if (parts.length === 1 && first!.shape[0] === batch) return first!;
  const [, ...rest] = first!.shape;
  const size = rest.reduce((product, one) => product * one, 1);
  const data = new Float32Array(batch * size);
  let at = 0;
  for (const part of parts) {
    data.set(part.data.subarray(0, Math.min(part.data.length, data.length - at)), at);
    at += part.data.length;
  }
  return { data, shape: [batch, ...rest] };
}
