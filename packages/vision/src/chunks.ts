/**
 * Elements of a chunk. The dozen intermediate results of an elementwise formula stay in the cache when it runs chunk by
 * chunk;
 * over a whole map each of them goes to memory and back.
 */
const CHUNK_ELEMENTS = 1 << 17;

export interface Chunk {
  readonly from: number;
  readonly count: number;
}

/** Cuts `total` rows of `width` elements each into chunks that fit the cache. */
export function chunksOf(total: number, width: number): Chunk[] {
  const size = Math.max(1, Math.floor(CHUNK_ELEMENTS / Math.max(1, width)));
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => ({
    from: i * size,
    count: Math.min(size, total - i * size),
  }));
}
