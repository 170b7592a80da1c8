import { type Backend, backends, inNode } from './backends.js';
import type { Output } from './dense-detections.js';
import { DetectError, messageOf } from './detect-error.js';
import type { Session } from './detector.js';

/** The part of onnxruntime that is used: what `import('onnxruntime-web')` or `import('onnxruntime-node')` gives. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: Readonly<Record<string, unknown>>): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: 'float32' | 'uint8', data: Float32Array | Uint8Array, dims: readonly number[]) => object;
}

interface OnnxSession {
  readonly inputNames: readonly string[];
  run(feeds: Readonly<Record<string, object>>): Promise<Readonly<Record<string, object>>>;
  release(): Promise<void>;
}

export interface OnnxOptions {
  /** Default: `cpu` in Node, elsewhere WebGPU where there is a graphics card for it, else WASM. */
  readonly backend?: Backend | undefined;
  /** onnxruntime, where it is not to be imported by its name. */
  readonly runtime?: unknown;
  /** Options of onnxruntime's session besides: `{ intraOpNumThreads: 2 }`. */
  readonly session?: Readonly<Record<string, unknown>> | undefined;
}

/** @throws DetectError BACKEND_MISSING, or MODEL_INVALID for what onnxruntime refuses */
export async function onnxSession(bytes: Uint8Array, options: OnnxOptions): Promise<Session> {
  const backend = options.backend ?? (await backends()).find(({ missing }) => missing === undefined)!.name;
  const { InferenceSession, Tensor } = unwrapped(options.runtime ?? (await imported(backend)));
  let session: OnnxSession;
  try {
    session = await InferenceSession.create(bytes, {
      executionProviders: [backend],
      logSeverityLevel: 3, // errors: its warnings, of nodes left to the processor say, help nobody
      ...options.session,
    });
  } catch (cause) {
    const whose = backend === 'cpu' || backend === 'wasm' ? 'MODEL_INVALID' : 'BACKEND_MISSING';
    const instead = whose === 'MODEL_INVALID' ? 'Export it again.' : 'Take another back end, wasm say.';
    throw new DetectError(whose, `onnxruntime does not take the model on ${backend}: ${messageOf(cause)} ${instead}`, {
      cause,
    });
  }
  const [input] = session.inputNames;
  /** Where a graphics device was lost: the call after the first that fails never comes back, and the page with it. */
  let stopped: DetectError | undefined;
  return {
    backend,
    async run(data, shape) {
      if (stopped) throw stopped;
      const tensor = new Tensor(data instanceof Uint8Array ? 'uint8' : 'float32', data, shape);
      try {
        return (await session.run({ [input!]: tensor })) as Readonly<Record<string, Output>>;
      } catch (cause) {
        if (backend === 'cpu' || backend === 'wasm') throw cause;
        const message = `${backend} does not go on: ${said(cause)} Load the model for another back end, wasm say.`;
        stopped = new DetectError('BACKEND_MISSING', message, { cause });
        throw stopped;
      }
    },
    dispose: async () => (stopped ? undefined : session.release()),
  };
}

/** What onnxruntime says, without the place in its source, as a sentence. */
const said = (cause: unknown): string =>
  messageOf(cause)
    .replace(/^.*ERROR_MESSAGE: (\S+\.cc:\d+ )?/s, '')
    .trim()
    .replace(/[^.!?]$/, '$&.');

/** CommonJS modules are imported as the default of a namespace. */
const unwrapped = (runtime: unknown): OnnxRuntime =>
  (runtime as { readonly default?: OnnxRuntime }).default ?? (runtime as OnnxRuntime);

async function imported(backend: Backend): Promise<unknown> {
  const name = backend === 'cpu' ? 'onnxruntime-node' : 'onnxruntime-web';
  try {
    if (backend === 'webgpu') return await import('onnxruntime-web/webgpu');
    if (backend === 'webgl') return await import('onnxruntime-web/webgl');
    // In Node the main entry: it finds its files there.
    if (backend === 'wasm') return await (inNode() ? import('onnxruntime-web') : import('onnxruntime-web/wasm'));
    // By a variable, so that no bundler of a page looks for a native package.
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  } catch (cause) {
    throw new DetectError(
      'BACKEND_MISSING',
      `The back end ${backend} needs ${name}, which is not there (${messageOf(cause)}). To add it: pnpm add --ignore-scripts ${name}`,
      { cause },
    );
  }
}
