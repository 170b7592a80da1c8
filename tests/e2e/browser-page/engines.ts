import type { Engine } from '@kd/core';
import { wasm } from '@kd/engine-wasm';
import { webgpu } from '@kd/engine-webgpu';

/** What is distilled on an engine: less where a graphics card in software takes seconds for a picture. */
export interface Distillation {
  readonly engine: Engine;
  readonly batchSize: number;
  readonly steps: number;
}

/** Engines that train in Node and in a page. */
export const ENGINES = {
  wasm: { engine: wasm({ threads: 1 }), batchSize: 2, steps: 3 },
  webgpu: { engine: webgpu(), batchSize: 1, steps: 2 },
} as const satisfies Readonly<Record<string, Distillation>>;
