import * as tf from '@tensorflow/tfjs-core';

/**
 * Elements of a chunk. On a processor the dozen intermediate results of an elementwise formula stay in the cache when
 * it runs chunk by chunk; over a whole map each of them goes to memory and back. On a graphics card each op of a chunk
 * is a kernel to launch, so that chunks bound the memory alone.
 */
const CHUNK_ELEMENTS = { processor: 1 << 17, card: 1 << 24 };

/** TensorFlow's and WebGPU's back ends say so. */
const device = (): 'processor' | 'card' =>
  tf.getBackend() === 'webgpu' || (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true
    ? 'card'
    : 'processor';

export interface Chunk {
  readonly from: number;
  readonly count: number;
}

/** Cuts `total` rows of `width` elements each into chunks that fit the cache, or the memory of a card. */
export function chunksOf(total: number, width: number): Chunk[] {
  const size = Math.max(1, Math.floor(CHUNK_ELEMENTS[device()] / Math.max(1, width)));
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => ({
    from: i * size,
    count: Math.min(size, total - i * size),
  }));
}
