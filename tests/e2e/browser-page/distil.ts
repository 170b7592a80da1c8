import { type HostTensor, silentLogger, Trainer } from '@kd/core';
import { synthetic, type SyntheticOptions } from '@kd/data';
import { retinanet } from '@kd/detector-retinanet';
import { metricByName } from '@kd/metrics';
import { ssim } from '@kd/plugin-ssim';
import { openWeights, safetensorsFormat } from '@kd/weights';
import { data, student, teacher, training } from '../../../examples/demo/settings.mjs';
import { type Distillation, ENGINES } from './engines.js';

/** What a run of a few steps came to. */
export interface Distilled {
  /** The loss terms of each step. */
  readonly terms: readonly Readonly<Record<string, number>>[];
  /** Sum of squares of each tensor of the best checkpoint. */
  readonly squares: Readonly<Record<string, number>>;
  readonly metrics: Readonly<Record<string, number>>;
}

const pictures = ({ format: _, ...options }: SyntheticOptions & { format: string }, images: number) =>
  synthetic({ ...options, images });

/**
 * The demo in its own size, in small batches: a teacher of one step on WebAssembly, then SSIM distillation of its
 * student. In Node and in a page alike.
 */
export async function distil({ engine, batchSize, steps }: Distillation, folder: string): Promise<Distilled> {
  const common = { ...training, batchSize, epochs: 1, seed: 3, log: { every: 1 } };
  const ports = { format: safetensorsFormat, metric: metricByName, logger: silentLogger, folder };
  await new Trainer(
    {
      ...common,
      engine: ENGINES.wasm.engine,
      student: retinanet(teacher[1]),
      data: { train: pictures(data.train, batchSize) },
    },
    { ...ports, out: `${folder}/teacher` },
  ).fit();
  const terms: Readonly<Record<string, number>>[] = [];
  const summary = await new Trainer(
    {
      ...common,
      engine,
      student: retinanet(student[1]),
      teacher: { weights: 'teacher' },
      distillers: [ssim({ weight: 4 })],
      data: { ...data, train: pictures(data.train, steps * batchSize), val: pictures(data.val, 2) },
    },
    {
      ...ports,
      out: `${folder}/student`,
      listeners: [{ name: 'terms', on: (event) => void (event.type === 'log' && terms.push(event.terms)) }],
    },
  ).fit();
  const { values } = await openWeights(summary!.best!.checkpoint);
  return {
    terms,
    squares: Object.fromEntries([...values].map(([name, tensor]) => [name, sumOfSquares(tensor)])),
    metrics: summary!.metrics,
  };
}

const sumOfSquares = ({ data: values }: HostTensor): number =>
  (values as Float32Array).reduce((sum, value) => sum + value * value, 0);
