// The worker: trains, and tells the page. A step holds the thread that it runs on, which must not be that of the page.
import { findCheckpoint, readRegularFile, Trainer, type TrainerEvent, writeFileAtomic } from '@kd/core';
import { retinanet } from '@kd/detector-retinanet';
import { wasm } from '@kd/engine-wasm';
import { metricByName } from '@kd/metrics';
import { ssim } from '@kd/plugin-ssim';
import { safetensorsFormat } from '@kd/weights';
import { batchSize, data, student, training } from '../demo/settings.mjs';
import type { Message } from './messages.js';
import { EPOCHS, type Method, pictures } from './settings.js';
import weights from './teacher.safetensors?url';

const tell = (message: Message): void => postMessage(message);

async function on(event: TrainerEvent): Promise<void> {
  if (event.type === 'start') {
    const { steps, classes, engine } = event.run;
    tell({ type: 'start', steps, classes, threads: engine.threads ?? 1 });
  } else if (event.type === 'log') {
    tell({ type: 'log', step: event.step, terms: event.terms, left: event.secondsLeft });
  } else if (event.type === 'evaluation') {
    tell({ type: 'evaluation', step: event.step, AP: event.result.metrics['AP']!, found: event.detections });
    if (!event.best) return;
    const best = await readRegularFile(await findCheckpoint('run', safetensorsFormat));
    tell({ type: 'weights', bytes: new Uint8Array(best) });
  }
}

async function train(method: Method): Promise<void> {
  // A page has files in memory: a run reads and writes them by paths, as elsewhere.
  const answer = await fetch(weights);
  if (!answer.ok) throw new Error(`The teacher could not be loaded: ${answer.url} answers ${answer.status}.`);
  await writeFileAtomic('teacher.safetensors', new Uint8Array(await answer.arrayBuffer()));
  const trainer = new Trainer(
    {
      ...training,
      engine: wasm(),
      student: retinanet(student[1]),
      ...(method === 'ssim' && {
        teacher: { weights: 'teacher.safetensors' },
        distillers: [ssim({ weight: 4 })],
      }),
      data: { ...data, ...pictures },
      batchSize,
      epochs: EPOCHS,
      checkpoint: { every: EPOCHS },
      log: { every: 2 },
    },
    { out: 'run', format: safetensorsFormat, metric: metricByName, listeners: [{ name: 'page', on }] },
  );
  await trainer.fit();
}

onmessage = ({ data: method }: MessageEvent<Method>) =>
  void train(method).then(
    () => tell({ type: 'end' }),
    (error: unknown) => tell({ type: 'failed', why: error instanceof Error ? error.message : String(error) }),
  );
