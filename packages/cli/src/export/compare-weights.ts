import type { ImageDetections, Metric } from '@kd/core';
import type { ReadDataset } from '@kd/data';
import { load } from '@kd/detect';
import { columns } from '@kd/report';
import type { Exported, FormatOptions } from './format.js';

/** One way to store the weights, with what it costs. */
export interface StoredWeights {
  readonly weights: FormatOptions['weights'];
  readonly bytes: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface CompareOptions {
  /** The file with its weights stored so. */
  readonly written: (weights: FormatOptions['weights']) => Exported | Promise<Exported>;
  readonly dataset: ReadDataset;
  readonly metric: Metric;
  /** onnxruntime-node of the project. */
  readonly runtime: unknown;
  readonly onProgress?: (done: number, of: number) => void;
}

const ALL = ['float32', 'float16', 'int8'] as const satisfies readonly FormatOptions['weights'][];

/** The exported file itself, its weights stored in each way, measured by onnxruntime on a data set. */
export async function compareWeights(options: CompareOptions): Promise<StoredWeights[]> {
  const { written, dataset, metric, runtime, onProgress } = options;
  const { images, categories } = dataset;
  const compared: StoredWeights[] = [];
  for (const [i, weights] of ALL.entries()) {
    const { content } = await written(weights);
    if (!(content instanceof Uint8Array)) throw new Error('a comparison needs files of ONNX');
    const detector = await load(content, { backend: 'cpu', runtime });
    const found: ImageDetections[] = [];
    try {
      for (const record of images) {
        const all = await detector.detect(await dataset.readImage(record));
        found.push({
          id: record.id,
          boxes: Float32Array.from(all.flatMap(({ box }) => box)),
          scores: Float32Array.from(all, ({ score }) => score),
          labels: Int32Array.from(all, ({ label }) => label),
        });
        onProgress?.(i * images.length + found.length, ALL.length * images.length);
      }
    } finally {
      await detector.dispose();
    }
    compared.push({
      weights,
      bytes: content.byteLength,
      metrics: metric.evaluate({ categories, images }, found).metrics,
    });
  }
  return compared;
}

const NAMES = { float32: 'fp32', float16: 'fp16', int8: 'int8' } as const;

/** A row for each, with the metric's figures in percent. */
export function comparisonLines(compared: readonly StoredWeights[], { primary, name }: Metric, data: string): string[] {
  const shown = [primary, ...Object.keys(compared[0]!.metrics).filter((key) => /^AP\d/.test(key) && key !== primary)];
  const rows = compared.map(({ weights, bytes, metrics }) => [
    NAMES[weights],
    (bytes / 1e6).toFixed(2),
    ...shown.map((key) => (metrics[key]! < 0 ? '–' : (100 * metrics[key]!).toFixed(2))),
  ]);
  return [`in onnxruntime-node on ${data}, ${name}, in percent`, ...columns([['weights', 'MB', ...shown], ...rows])];
}
