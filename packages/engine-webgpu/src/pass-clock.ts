import type { DeviceClock } from '@kd/core';
import type { CheckedBackend } from './backend.js';

/** Passes of one set of timestamps, of which WebGPU allows 4096 in a set. */
const PASSES = 2048;
/** Of one pass: when it began and when it ended. */
const BYTES = 16;

/**
 * Times the programs of a device by timestamps around its passes. Passes hold programs of one part, and are told apart
 * by nothing else: as a rule TensorFlow.js ends one after 15 programs, or for a copy, which no timestamp can be around.
 */
export class PassClock implements DeviceClock {
  readonly #backend: CheckedBackend;
  readonly #sets: GPUQuerySet[] = [];
  /** Of each pass so far. */
  readonly #parts: string[] = [];
  #part = '';
  #runs = true;

  constructor(backend: CheckedBackend) {
    this.#backend = backend;
    // What was asked for before is not ours.
    backend.flush();
    const { device } = backend;
    const encoder = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = (descriptor) => {
      const made = encoder(descriptor);
      const begin = made.beginComputePass.bind(made);
      made.beginComputePass = (pass) => begin({ ...pass, timestampWrites: this.#nextPass() });
      return made;
    };
  }

  enter(part: string): void {
    if (part === this.#part) return;
    this.#backend.endComputePassEncoder();
    this.#part = part;
  }

  async stop(): Promise<ReadonlyMap<string, number>> {
    this.drop();
    const times = this.#sets.length === 0 ? [] : await this.#backend.checked(() => this.#read());
    const sums = new Map<string, number>();
    this.#parts.forEach((part, i) => sums.set(part, (sums.get(part) ?? 0) + times[i]!));
    return sums;
  }

  /** Nothing from here on counts. */
  drop(): void {
    if (!this.#runs) return;
    this.#runs = false;
    this.#backend.flush();
    // The device's own is that of its prototype.
    Reflect.deleteProperty(this.#backend.device, 'createCommandEncoder');
  }

  #nextPass(): GPUComputePassTimestampWrites {
    const place = this.#parts.push(this.#part) - 1;
    const set = Math.floor(place / PASSES);
    this.#sets[set] ??= this.#backend.device.createQuerySet({ type: 'timestamp', count: 2 * PASSES });
    const first = 2 * (place % PASSES);
    return { querySet: this.#sets[set], beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
  }

  /** Milliseconds of each pass. */
  async #read(): Promise<number[]> {
    const { device } = this.#backend;
    const size = this.#parts.length * BYTES;
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const resolved = device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
    const mapped = device.createBuffer({ size, usage: COPY_DST | MAP_READ });
    try {
      const encoder = device.createCommandEncoder();
      this.#sets.forEach((set, i) => {
        const count = Math.min(PASSES, this.#parts.length - i * PASSES);
        encoder.resolveQuerySet(set, 0, 2 * count, resolved, i * PASSES * BYTES);
      });
      encoder.copyBufferToBuffer(resolved, 0, mapped, 0, size);
      device.queue.submit([encoder.finish()]);
      await mapped.mapAsync(GPUMapMode.READ);
      const nanoseconds = new BigUint64Array(mapped.getMappedRange());
      // A card may set its clock back between two of them.
      return this.#parts.map((_, i) => Math.max(0, Number(nanoseconds[2 * i + 1]! - nanoseconds[2 * i]!) / 1e6));
    } finally {
      for (const one of [resolved, mapped, ...this.#sets]) one.destroy();
    }
  }
}
