import { GO_ON, OTHER_ENGINE } from '#host/gpu';
import { KdError } from '@kd/core';

/** What to do where the device has no room. */
const LESS = `Take a smaller batchSize or input; a run that had begun goes on ${GO_ON}.`;

/** What went wrong on the device without an exception: what it computed after that is garbage. */
export class Faults {
  /** Kernels that run, the innermost last. */
  readonly #running: string[] = [];
  /** Kernels that were given to the device since it was last asked for data. */
  readonly #recent = new Set<string>();
  readonly #scopes = new Set<Promise<void>>();
  #device: GPUDevice | null = null;
  #lost: KdError | null = null;
  /** The first program that the device refused. */
  #refused: KdError | null = null;
  /** The first error that came without a program, which most often follows from a refused one. */
  #loose: KdError | null = null;

  /** @throws KdError where the device is lost */
  within<T>(kernel: string, run: () => T): T {
    if (this.#lost !== null) throw this.#lost;
    this.#running.push(kernel);
    this.#recent.add(kernel);
    try {
      return run();
    } finally {
      this.#running.pop();
    }
  }

  /** Tells errors of this device from now on, and of no other. */
  watch(device: GPUDevice): void {
    this.#device = device;
    this.#lost = null;
    this.forget();
    this.#scopes.clear();
    device.addEventListener('uncapturederror', (event) => {
      // Otherwise Dawn writes it to the console.
      event.preventDefault();
      if (device !== this.#device) return;
      this.#loose ??= this.#told(event.error, `one of ${[...this.#recent].join(', ') || 'no kernel'}`);
    });
    void device.lost.then(({ reason, message }) => {
      if (device !== this.#device) return;
      this.#lost = new KdError(
        'ENGINE_UNAVAILABLE',
        `the graphics device was lost (${reason}): ${message.trim()} What it held is gone. Go on from the last checkpoint ${GO_ON}, equal to the tolerance of floats.`,
      );
    });
    // Programs are made once and buffers kept, so that their scopes cost nothing beside them.
    const shader = device.createShaderModule.bind(device);
    device.createShaderModule = (given) => this.#scoped(device, given, ['validation'], shader);
    const pipeline = device.createComputePipeline.bind(device);
    device.createComputePipeline = (given) => this.#scoped(device, given, ['validation'], pipeline);
    const buffer = device.createBuffer.bind(device);
    device.createBuffer = (given) => this.#scoped(device, given, ['validation', 'out-of-memory'], buffer);
  }

  #scoped<Given extends GPUObjectDescriptorBase, Made>(
    device: GPUDevice,
    given: Given,
    filters: readonly GPUErrorFilter[],
    make: (given: Given) => Made,
  ): Made {
    const kernel = this.#running.at(-1) ?? given.label ?? 'no kernel';
    for (const filter of filters) device.pushErrorScope(filter);
    try {
      return make(given);
    } finally {
      for (const _ of filters) this.#settle(device.popErrorScope(), kernel);
    }
  }

  #settle(popped: Promise<GPUError | null>, kernel: string): void {
    const scope = popped.then(
      (error) => void (error && (this.#refused ??= this.#told(error, kernel))),
      () => {}, // the device is lost, which is told by itself
    );
    const done = scope.then(() => void this.#scopes.delete(done));
    this.#scopes.add(done);
  }

  #told(error: GPUError, kernel: string): KdError {
    const text = error.message.trim().split('\n', 1)[0]!.replace(/\.?$/, '.');
    const told = (what: string, then: string): KdError => new KdError('ENGINE_UNAVAILABLE', `${what}: ${text} ${then}`);
    if (error instanceof GPUOutOfMemoryError) return told(`the graphics device has no memory left, in ${kernel}`, LESS);
    // Of a tensor that no buffer of the device holds, whatever memory it has.
    if (/exceeds the max buffer size|larger than the maximum storage buffer/.test(text))
      return told(`a tensor is too large for the graphics device, in ${kernel}`, LESS);
    return told(
      `WebGPU refused ${kernel}, so that what was computed since is garbage`,
      `${OTHER_ENGINE} computes it; please report it, with the name of the adapter.`,
    );
  }

  /**
   * To be called with data that have arrived from the device.
   * @throws KdError of the first thing that went wrong before, at every call until {@link forget}
   */
  async check(): Promise<void> {
    const recent = [...this.#recent];
    await Promise.all(this.#scopes);
    const first = this.#refused ?? this.#loose ?? this.#lost;
    if (first !== null) throw first;
    for (const kernel of recent) this.#recent.delete(kernel);
  }

  /** For what begins anew, with tensors of its own. */
  forget(): void {
    this.#refused = null;
    this.#loose = null;
  }
}
