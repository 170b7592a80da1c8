import * as tf from '@tensorflow/tfjs-core';
import { normaliseBlock, scalingOf, withoutRows } from './normalise.js';
import type { FeatureRows } from './types.js';

/** Calls of the engine cost as much as the thin products of a quarter of it. */
const BLOCK_ROWS = 32768;

/**
 * Half of what is free, by the limit of a container where there is one, 2 GiB at the most: 860,000 rows of 256 + 256
 * channels, all instances of COCO. A browser does not tell what is free.
 */
const cacheBytes = (): number =>
  typeof process === 'undefined' ? 2 ** 29 : Math.min(2 * 2 ** 30, process.availableMemory() / 2);

export interface Memory {
  /** Rows that are read and visited at a time. Default 32768. */
  readonly blockRows?: number;
  /**
   * Features of up to so many bytes stay in the engine between passes; larger ones are read and normalised anew in
   * every pass. Default half of the free memory, 2 GiB at the most.
   */
  readonly cacheBytes?: number;
}

export interface RowTensors {
  /** Place of the first row among the rows that are visited. */
  readonly from: number;
  readonly rows: number;
  /** [rows, dt] normalised */
  readonly teacher: tf.Tensor2D;
  /** [rows, ds] normalised */
  readonly student: tf.Tensor2D;
}

export interface Vectors {
  readonly teacher: Float64Array;
  readonly student: Float64Array;
}

/** Normalised rows as tensors, block by block. */
export interface Rows {
  readonly total: number;
  readonly teacherChannels: number;
  readonly studentChannels: number;
  /** [total] squared norms, filled by the first pass. */
  readonly squared: Vectors;
  /** Rows that are not finite, filled by the first pass. */
  readonly dropped: number[];
  /** One pass over the rows (or those that `only` left), in order. The tensors belong to the pass. */
  each(visit: (block: RowTensors) => Promise<void> | void): Promise<void>;
  /** Later passes visit these rows alone, given in ascending order. */
  only(rows: Int32Array): void;
  /** Normalised vectors of one row. */
  row(index: number): Promise<Vectors>;
  dispose(): void;
}

export function openRows(
  source: FeatureRows,
  options: { readonly normalize: boolean; readonly signal?: AbortSignal | undefined },
  memory: Memory = {},
): Rows {
  const { rows: total, teacherChannels, studentChannels } = source;
  const blockRows = memory.blockRows ?? BLOCK_ROWS;
  const squared = { teacher: new Float64Array(total), student: new Float64Array(total) };
  const dropped: number[] = [];
  const cached = total * (teacherChannels + studentChannels) * 4 <= (memory.cacheBytes ?? cacheBytes());
  const cache = new Map<number, RowTensors>();
  let wanted: Int32Array | null = null;
  let first = true;

  const read = async (start: number, end: number): Promise<{ teacher: tf.Tensor2D; student: tf.Tensor2D }> => {
    const block = await source.read(start, end);
    const scaling = scalingOf(block, teacherChannels, studentChannels, options.normalize);
    if (first) {
      squared.teacher.set(scaling.teacher.squared, start);
      squared.student.set(scaling.student.squared, start);
      for (const row of scaling.broken) dropped.push(start + row);
    }
    const tensor = (x: Float32Array, channels: number, scales: Float32Array): tf.Tensor2D =>
      tf.tidy(() =>
        tf.mul(
          tf.tensor2d(scaling.broken.length > 0 ? withoutRows(x, channels, scaling.broken) : x, [
            end - start,
            channels,
          ]),
          tf.tensor2d(scales, [end - start, 1]),
        ),
      );
    return {
      teacher: tensor(block.teacher, teacherChannels, scaling.teacher.scales),
      student: tensor(block.student, studentChannels, scaling.student.scales),
    };
  };

  return {
    total,
    teacherChannels,
    studentChannels,
    squared,
    dropped,
    async each(visit) {
      let from = 0;
      for (let start = 0; start < total; start += blockRows) {
        await turnOfLoop();
        options.signal?.throwIfAborted();
        const end = Math.min(start + blockRows, total);
        const inside = wanted === null ? null : within(wanted, from, start, end);
        if (inside?.length === 0) continue;
        let block = cache.get(start);
        if (block === undefined) {
          const whole = await read(start, end);
          block =
            inside === null || inside.length === end - start
              ? { from, rows: end - start, ...whole }
              : { from, rows: inside.length, ...gathered(whole, inside) };
          if (cached) cache.set(start, block);
        }
        try {
          await visit(block);
        } finally {
          if (!cached) tf.dispose([block.teacher, block.student]);
        }
        from += block.rows;
      }
      first = false;
    },
    only(rows) {
      let from = 0;
      for (const [start, block] of cache) {
        const inside = within(rows, from, start, Math.min(start + blockRows, total));
        const kept = inside.length === block.rows ? block : gathered(block, inside);
        cache.set(start, { from, rows: inside.length, teacher: kept.teacher, student: kept.student });
        from += inside.length;
      }
      wanted = rows;
    },
    async row(index) {
      const { teacher, student } = normaliseBlock(
        await source.read(index, index + 1),
        teacherChannels,
        studentChannels,
        options.normalize,
      );
      return { teacher: Float64Array.from(teacher.values), student: Float64Array.from(student.values) };
    },
    dispose() {
      for (const block of cache.values()) tf.dispose([block.teacher, block.student]);
      cache.clear();
    },
  };
}

/**
 * So that an abort can arrive. By a message: in a tab that nobody looks at `tf.nextFrame` never comes, and timers once
 * a second or a minute.
 */
const turnOfLoop = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });

/** The rows of an ascending list that lie in [start, end), counted from start; the list is searched from `from` on. */
function within(list: Int32Array, from: number, start: number, end: number): Int32Array {
  let to = from;
  while (to < list.length && list[to]! < end) to++;
  const inside = list.slice(from, to);
  for (let i = 0; i < inside.length; i++) inside[i]! -= start;
  return inside;
}

function gathered(
  block: { readonly teacher: tf.Tensor2D; readonly student: tf.Tensor2D },
  rows: Int32Array,
): { teacher: tf.Tensor2D; student: tf.Tensor2D } {
  const [teacher, student] = tf.tidy(() => {
    const index = tf.tensor1d(rows, 'int32');
    return [tf.gather(block.teacher, index), tf.gather(block.student, index)];
  });
  tf.dispose([block.teacher, block.student]);
  return { teacher: teacher!, student: student! };
}
