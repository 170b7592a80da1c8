// On the page docs/using-a-model.md from here on, whole.
import { disposeAll, loadModel, tidy } from '@kd/core';
import { DEFAULT_MAX_PIXELS, inputTransform, readImage } from '@kd/data';
import { tensorflow } from '@kd/engine-tensorflow';
import { safetensorsFormat } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';

/** What a trained model sees on some images: boxes x1 y1 x2 y2 in their own pixels, best first. */
export async function predict(run: string, files: readonly string[]) {
  const engine = tensorflow();
  await engine.start();
  const { detector } = await loadModel(run, {
    format: safetensorsFormat,
    folder: process.cwd(), // detectors and backbones are looked up from here
    context: { runOp: engine.runOp?.bind(engine) },
  });
  const found = [];
  try {
    for (const file of files) {
      const image = await readImage(file, { declared: null, maxPixels: DEFAULT_MAX_PIXELS });
      const batch = inputTransform([{ image, id: file }], detector.input);
      const input = tf.tensor4d(batch.images, [...batch.shape]);
      const output = tidy(() => detector.forward(input, { training: false }));
      try {
        const [first] = await detector.detect(output, batch);
        const { boxes, scores, labels } = first!;
        found.push({ file, boxes, scores, classes: [...labels].map((label) => detector.categories[label]!.name) });
      } finally {
        disposeAll([input, output]);
      }
    }
  } finally {
    detector.dispose();
  }
  return found;
}
