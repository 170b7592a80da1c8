import type { HostTensor, NamedTensors, StoredTensors } from '../contract/checkpoint.js';
import { fromHalf } from '../half.js';

/** A map of every picture of a batch. */
export interface BatchedMap {
  /** [b, h, w, c] */
  readonly shape: readonly [number, number, number, number];
  /** As float32, or the bits of fp16. */
  readonly data: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
}

/** What a cache holds of the pictures of a batch. */
export interface KeptMaps {
  /** What each file says of itself; whoever wants the maps looks whether they are those. */
  readonly metadata: readonly Readonly<Record<string, string>>[];
  readonly maps: Readonly<Record<string, BatchedMap>>;
}

/** What is wanted: maps of some names in the files of a batch, one a picture, and whether fp16 becomes float32. */
export interface WantedMaps {
  readonly files: readonly string[];
  readonly names: readonly string[];
  readonly widen: boolean;
}

/** @throws what is wrong with the first file that has not got the maps */
export async function readKept(
  read: (file: string) => Promise<StoredTensors>,
  { files, names, widen }: WantedMaps,
): Promise<KeptMaps> {
  const stored = await Promise.all(files.map((file) => read(file)));
  const unsure = stored.findIndex(({ hashed }) => hashed === false);
  if (unsure !== -1) throw new Error(`${files[unsure]} has no hash.`);
  return {
    metadata: stored.map(({ metadata }) => metadata),
    maps: together(
      stored.map(({ tensors }) => tensors),
      names,
      widen,
    ),
  };
}

/** Maps [1, h, w, c] of fp16 of one size each as [b, h, w, c]. */
export function together(rows: readonly NamedTensors[], names: readonly string[], widen: boolean): KeptMaps['maps'] {
  const one = (name: string): BatchedMap => {
    const maps = rows.map((row): HostTensor => row.get(name)!);
    const [, h, w, c] = maps[0]!.shape as [number, number, number, number];
    const size = h * w * c;
    const all = maps.map(({ data }) => data as Uint16Array);
    const shape = [maps.length, h, w, c] as const;
    if (widen) {
      const data = new Float32Array(maps.length * size);
      all.forEach((map, i) => fromHalf(map, data.subarray(i * size, (i + 1) * size)));
      return { shape, data };
    }
    const data = new Uint16Array(maps.length * size);
    all.forEach((map, i) => data.set(map, i * size));
    return { shape, data };
  };
  return Object.fromEntries(names.map((name) => [name, one(name)]));
}
