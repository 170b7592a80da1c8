import { readSafetensors, toFloat32 } from '@kd/weights';
import type { HostTensor } from '@kd/core';

export interface GoldenTensor extends HostTensor {
  /** The elements as numbers: F16 and BF16 decoded, I64 converted. */
  readonly values: Exclude<HostTensor['data'], BigInt64Array | BigUint64Array>;
}

/** The tensors of one golden file by key. */
export class GoldenTensors {
  readonly #file: string;
  readonly #tensors: ReadonlyMap<string, HostTensor>;
  readonly #read = new Set<string>();

  private constructor(file: string, tensors: ReadonlyMap<string, HostTensor>) {
    this.#file = file;
    this.#tensors = tensors;
  }

  static async read(file: string): Promise<GoldenTensors> {
    return new GoldenTensors(file, (await readSafetensors(file)).tensors);
  }

  get all(): ReadonlyMap<string, HostTensor> {
    return this.#tensors;
  }

  has(key: string): boolean {
    return this.#tensors.has(key);
  }

  /** The keys that nobody asked for. */
  get unread(): string[] {
    return [...this.#tensors.keys()].filter((key) => !this.#read.has(key));
  }

  /** @throws when there is no such key: a test never compares with nothing */
  get(key: string | undefined): GoldenTensor {
    const tensor = key === undefined ? undefined : this.#tensors.get(key);
    if (tensor === undefined)
      throw new Error(
        `${this.#file} has no tensor "${key}". It has: ${[...this.#tensors.keys()].slice(0, 40).join(', ')}`,
      );
    this.#read.add(key!);
    const { data } = tensor;
    const values =
      data instanceof BigInt64Array || data instanceof BigUint64Array || data instanceof Uint16Array
        ? toFloat32(tensor)
        : data;
    return { ...tensor, values };
  }
}
