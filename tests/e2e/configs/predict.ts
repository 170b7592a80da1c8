// On the page docs/using-a-model.md from here on, whole.
import { createInference, loadModel } from '@kd/core';
import { DEFAULT_MAX_PIXELS, inputTransform, readImage } from '@kd/data';
import { tensorflow } from '@kd/engine-tensorflow';
import { safetensorsFormat } from '@kd/weights';

/** What a trained model sees on some images: boxes x1 y1 x2 y2 in their own pixels, best first. */
export async function predict(run: string, files: readonly string[]) {
  const engine = tensorflow();
  await engine.start();
  const { detector } = await loadModel(run, {
    format: safetensorsFormat,
    folder: process.cwd(), // detectors and backbones are looked up from here
    context: { runOp: engine.runOp?.bind(engine) },
  });
  const inference = createInference(detector, { compile: engine.compile });
  const found = [];
  try {
    for (const file of files) {
      const image = await readImage(file, { declared: null, maxPixels: DEFAULT_MAX_PIXELS });
      const batch = inputTransform([{ image, id: file }], detector.input);
      const [first] = await inference.detect(batch);
      const { boxes, scores, labels } = first!;
      found.push({ file, boxes, scores, classes: [...labels].map((label) => detector.categories[label]!.name) });
    }
  } finally {
    inference.close();
    detector.dispose();
  }
  return found;
}
