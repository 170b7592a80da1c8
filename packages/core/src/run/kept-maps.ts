import type { HostTensor, NamedTensors, StoredTensors } from '../contract/checkpoint.js';
import { fromHalf } from '../half.js';

/** A map of every picture of a batch, as float32. */
export interface BatchedMap {
  /** [b, h, w, c] */
  readonly shape: readonly [number, number, number, number];
  readonly data: Float32Array<ArrayBuffer>;
}

/** What a cache holds of the pictures of a batch. */
export interface KeptMaps {
  /** What each file says of itself; whoever wants the maps looks whether they are those. */
  readonly metadata: readonly Readonly<Record<string, string>>[];
  readonly maps: Readonly<Record<string, BatchedMap>>;
}

/** The maps of some names in the files of a batch, one a picture. @throws what is wrong with the first that is */
export async function readKept(
  read: (file: string) => Promise<StoredTensors>,
  files: readonly string[],
  names: readonly string[],
): Promise<KeptMaps> {
  const stored = await Promise.all(files.map((file) => read(file)));
  const unsure = stored.findIndex(({ hashed }) => hashed === false);
  if (unsure !== -1) throw new Error(`${files[unsure]} has no hash.`);
  return {
    metadata: stored.map(({ metadata }) => metadata),
    maps: together(
      stored.map(({ tensors }) => tensors),
      names,
    ),
  };
}

/** Maps [1, h, w, c] of fp16 of one size each as [b, h, w, c]. */
export function together(rows: readonly NamedTensors[], names: readonly string[]): KeptMaps['maps'] {
  const one = (name: string): BatchedMap => {
    const maps = rows.map((row): HostTensor => row.get(name)!);
    const [, h, w, c] = maps[0]!.shape as [number, number, number, number];
    const size = h * w * c;
    const data = new Float32Array(maps.length * size);
    maps.forEach((map, i) => fromHalf(map.data as Uint16Array, data.subarray(i * size, (i + 1) * size)));
    return { shape: [maps.length, h, w, c], data };
  };
  return Object.fromEntries(names.map((name) => [name, one(name)]));
}
