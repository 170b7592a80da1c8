import { denseDetections, type Output } from './dense-detections.js';
import { DetectError } from './detect-error.js';
import type { ExportedModel } from './exported-model.js';
import { graphDetections } from './graph-detections.js';
import { type Picture, toPixels } from './pixels.js';
import { prepare } from './prepare.js';
import { regionDetections, type RunHead } from './region-detections.js';

/** An object that was found. */
export interface Detection {
  /** x1 y1 x2 y2 in pixels of the image that was given. */
  readonly box: readonly [number, number, number, number];
  readonly score: number;
  readonly label: number;
  /** Name of the label. */
  readonly class: string;
}

/** A model that is ready to run. */
export interface Detector {
  /** What the file says of itself: classes, input rule, metrics of the run. */
  readonly info: ExportedModel;
  /** What runs it: `cpu`, `wasm`, `webgpu`, or the name that a runtime of your own has. */
  readonly backend: string;
  /**
   * What it finds on an image, best first.
   * @param options.score lowest score, default 0: all that the model gives
   * @throws DetectError IMAGE_INVALID, DISPOSED
   */
  detect(image: Picture, options?: { readonly score?: number }): Promise<Detection[]>;
  /** Frees what the model holds, after the calls before it; more than once is no harm. */
  dispose(): Promise<void>;
}

/** What runs the network of a model. */
export interface Session {
  readonly backend: string;
  /** One input to all outputs, by name. */
  run(data: Float32Array | Uint8Array, shape: readonly number[]): Promise<Readonly<Record<string, Output>>>;
  /** Of two-stage models that end at maps. */
  readonly runHead?: RunHead;
  dispose(): Promise<void>;
}

/**
 * A detector on any runtime: it resizes by the model's rule, runs the session, and brings the boxes into the image.
 * @throws DetectError MODEL_INVALID for maps that it cannot read
 */
export function createDetector(info: ExportedModel, session: Session): Detector {
  const { post } = info;
  const { runHead } = session;
  if (info.outputs === 'maps' && post?.kind !== 'dense' && !(post?.kind === 'two-stage' && runHead))
    throw new DetectError(
      'MODEL_INVALID',
      `The model gives the maps of ${info.detector}, which are not decoded here: export it with its detections (without --raw).`,
    );
  // A session runs one image at a time; a call waits for the one before.
  let last: Promise<unknown> = Promise.resolve();
  let disposed: Promise<void> | undefined;
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const next = last.then(run);
    last = next.catch(() => {});
    return next;
  };

  return {
    info,
    backend: session.backend,
    async detect(image, { score = 0 } = {}) {
      if (disposed) throw new DetectError('DISPOSED', 'This detector was disposed of: load its model again.');
      const pixels = toPixels(image);
      const prepared = prepare(pixels, info.input);
      const found = await inTurn(async () => {
        const outputs = await session.run(prepared.data, prepared.shape);
        if (info.outputs === 'detections') return graphDetections(outputs, prepared.imageSize);
        return post?.kind === 'dense'
          ? denseDetections(outputs, info.strides, prepared, post)
          : regionDetections(outputs, info.strides, prepared, post!, runHead!);
      });
      // Float32 quotients of the sizes, per axis, as in the network's own evaluation.
      const y = Math.fround(pixels.height / prepared.imageSize[0]);
      const x = Math.fround(pixels.width / prepared.imageSize[1]);
      return found
        .filter((one) => one.score >= score)
        .map(({ box, label, ...one }): Detection => {
          const [x1, y1, x2, y2] = Array.from(box, (side, i) => Math.fround(side * (i % 2 === 0 ? x : y)));
          return { box: [x1!, y1!, x2!, y2!], score: one.score, label, class: info.classes[label] ?? String(label) };
        });
    },
    dispose: () => (disposed ??= inTurn(() => session.dispose())),
  };
}
