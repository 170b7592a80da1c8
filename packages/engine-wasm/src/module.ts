import { KdError } from '@kd/core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

/** The module under the back end, as far as we look into it. */
export type WasmModule = BackendWasm['wasm'] & {
  _malloc(bytes: number): number;
  _free(at: number): void;
  cwrap(name: string, result: 'number' | null, parameters: readonly 'number'[]): (...given: number[]) => number;
};

/** Workers of Node, or of a page. */
interface Threads {
  unusedWorkers: { readonly loaded?: boolean; terminate(): unknown }[];
  readonly runningWorkers: { unref?(): void }[];
}

export interface HasThreads {
  readonly PThread?: Threads;
}

/** A module, and the threads that it has. */
type Threaded = WasmModule & HasThreads;

/** Gives the options their threads at once, and the module later. */
export type Factory = (options: HasThreads & Readonly<Record<string, unknown>>) => Promise<Threaded>;

/** A module that is loaded, and how many threads it computes on. */
export interface LoadedModule {
  readonly module: WasmModule;
  readonly threads: number;
}

/**
 * An option of a module, and what rejects where it fails. A module takes half of the processors at most, whatever it is
 * asked for: it is told of twice as many as are to be taken.
 */
export function instantiating(binary: Uint8Array | ArrayBuffer, threads: number) {
  let failed!: (error: unknown) => void;
  const failure = new Promise<never>((_, reject) => (failed = reject));
  failure.catch(() => {});
  const instantiateWasm = (imports: Imports, receive: (instance: object, module: object) => void): object => {
    imports.env['emscripten_num_logical_cores'] = () => 2 * threads;
    host.WebAssembly.instantiate(binary, imports).then(({ instance, module }) => receive(instance, module), failed);
    return {};
  };
  return { option: { instantiateWasm }, failure };
}

interface Imports {
  readonly env: Record<string, () => unknown>;
}

/** Neither the types of browsers nor those of Node are here. */
const host = globalThis as unknown as {
  readonly WebAssembly: {
    instantiate(binary: object, imports: object): Promise<{ readonly instance: object; readonly module: object }>;
  };
};

/** Ends the workers that no thread runs on: the module starts eight of them in any case. */
export async function endIdleWorkers(module: WasmModule | HasThreads): Promise<void> {
  const { PThread: threads } = module as HasThreads;
  if (threads === undefined) return;
  const idle = threads.unusedWorkers.splice(0);
  await Promise.all(idle.map((worker) => worker.terminate()));
}

/** The threads that compute keep no process of Node from ending: the module wants them to. */
export function letProcessEnd({ PThread: threads }: HasThreads): void {
  for (const worker of threads?.runningWorkers ?? []) worker.unref?.();
}

/** Waits until the workers are up: the first wait for one of them blocks the loop that starts them. */
export async function loaded({ PThread: threads }: Threaded): Promise<void> {
  while (threads?.unusedWorkers.some((worker) => worker.loaded !== true))
    await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A kernel that fails only writes a line and leaves whatever its output held: that must not go on as a result. */
export function refuseWarning(line: string): never {
  throw new KdError(
    'ENGINE_UNAVAILABLE',
    `WebAssembly refused a kernel: ${line.trim()}. Most often its 4 GB of memory are full: take a smaller batchSize or input, or, in Node, the engine tensorflow.`,
  );
}
