/**
 * What the reader of an excerpt has before his eyes already: names that the text around it introduces. Whole files need
 * none.
 */
export interface Frame {
  readonly page: string;
  /** How the block begins. */
  readonly begins: string;
  readonly before?: string;
  readonly after?: string;
  /** Where the files lie that it imports as its neighbours; else the root. */
  readonly folder?: string;
}

const tfjs = "import * as tf from '@tensorflow/tfjs-core';";
const detector = `import type { Detector } from '@kd/core'; import type * as tf from '@tensorflow/tfjs-core';
declare const detector: Required<Detector>; declare const level: tf.Tensor4D;`;
const maps = `import type { Tensor4D } from '@tensorflow/tfjs-core';
${['student', 'teacher', 's3', 's4', 's5', 't3', 't4', 't5'].map((name) => `declare const ${name}: Tensor4D;`).join(' ')}`;
const configs = 'tests/e2e/configs';

export const frames: readonly Frame[] = [
  {
    page: 'README.md',
    begins: 'const summary = ',
    before:
      "import { Trainer, type Config } from '@kd/core'; import { safetensorsFormat } from '@kd/weights';\ndeclare const config: Config;",
  },
  {
    page: 'packages/detect/README.md',
    begins: "import { load } from '@kd/detect';",
    before: '/// <reference lib="dom" />\ndeclare const file: File;',
  },
  { page: 'docs/writing-a-backbone.md', begins: "import { defineConfig } from '@kd/core';", folder: configs },
  {
    page: 'docs/writing-a-backbone.md',
    begins: 'testBackbone(',
    before: "import { testBackbone } from '@kd/testing'; import plain from './plain.js';",
    folder: configs,
  },
  { page: 'docs/writing-a-teacher.md', begins: "import { defineConfig } from '@kd/core';", folder: configs },
  {
    page: 'docs/writing-a-teacher.md',
    begins: 'testTeacher(',
    before: "import { testTeacher } from '@kd/testing'; import pooled from './pooled.js';",
    folder: configs,
  },
  {
    page: 'docs/writing-a-detector.md',
    begins: 'testDetector(',
    before: "import { testDetector } from '@kd/testing'; import squares from './squares.js';",
    folder: configs,
  },
  {
    page: 'docs/writing-a-detector.md',
    begins: 'const entries = ',
    before: "import { denseEntries } from '@kd/vision'; import * as v from 'valibot';",
  },
  {
    page: 'docs/writing-a-detector.md',
    begins: 'const tapped',
    before: `import { type DenseHead, runStagedHead } from '@kd/vision'; ${tfjs}
declare const head: DenseHead; declare const levels: readonly tf.Tensor4D[];`,
  },
  {
    page: 'docs/writing-a-detector.md',
    begins: 'const centres',
    before: "import { cellCentres } from '@kd/vision';",
  },
  {
    page: 'docs/writing-a-detector.md',
    begins: 'const { detect, detection }',
    before: `import { detectInParts } from '@kd/core'; ${tfjs}`,
  },
  { page: 'docs/writing-a-detector.md', begins: 'import { defineConfig }', folder: configs },
  {
    page: 'docs/writing-a-detector.md',
    begins: 'capabilities: ',
    before: "import type { Detector } from '@kd/core';\nexport const part: Pick<Detector, 'capabilities'> = {",
    after: '};',
  },
  {
    page: 'docs/writing-a-detector.md',
    begins: 'dense: {',
    after: '};',
    before: `import type { Detector } from '@kd/core'; ${tfjs}
declare const STRIDES: readonly number[]; declare const BRANCHES: readonly string[]; declare const depth: number;
declare const network: { run(branch: string, x: tf.Tensor4D, from: number, to: number): Record<string, tf.Tensor4D> };
export const part: Pick<Detector, 'dense' | 'head'> = {`,
  },
  {
    page: 'docs/writing-a-plugin.md',
    begins: "import { defineConfig } from '@kd/core';\nimport { cosine }",
    folder: configs,
  },
  { page: 'docs/writing-a-plugin.md', begins: 'import { testPlugin,', folder: configs },
  {
    page: 'docs/writing-a-plugin.md',
    begins: 'testPlugin(trust',
    before: "import { testPlugin } from '@kd/testing'; import { trust } from './trust.js';",
    folder: configs,
  },
  {
    page: 'packages/core/README.md',
    begins: 'datasetPass: {',
    before:
      "import type { Hooks, NamedTensors, TapPair } from '@kd/core';\ndeclare const pairs: readonly TapPair[]; declare let known: NamedTensors;\nexport const part: Hooks = {",
    after: '};',
  },
  ...['fcos', 'gfl', 'retinanet'].map((name) => ({
    page: `packages/detector-${name}/README.md`,
    begins: 'const { feature } = ',
    before: detector,
  })),
  {
    page: 'packages/engine-tensorflow/README.md',
    begins: "import { tensorflow } from '@kd/engine-tensorflow';",
    before:
      "import type { Tensor4D } from '@tensorflow/tfjs-core';\ndeclare const images: Tensor4D; declare const kernel: Tensor4D;",
  },
  {
    page: 'packages/engine-tensorflow/README.md',
    begins: 'const step = ',
    before:
      "import * as tf from '@tensorflow/tfjs-core';\nimport { tensorflow } from '@kd/engine-tensorflow';\nimport { consoleLogger } from '@kd/core';\ndeclare const images: tf.Tensor4D; declare const loss: (images: tf.Tensor4D) => tf.Scalar;",
  },
  {
    page: 'packages/engine-tensorflow/README.md',
    begins: 'import { runOp }',
    before:
      "import type { Tensor4D } from '@tensorflow/tfjs-core';\ndeclare const dy: Tensor4D; declare const features: Tensor4D;",
  },
  {
    page: 'packages/engine-wasm/README.md',
    begins: "import { wasm } from '@kd/engine-wasm';",
    before:
      "import type { Tensor4D } from '@tensorflow/tfjs-core';\ndeclare const images: Tensor4D; declare const kernel: Tensor4D;",
  },
  {
    page: 'packages/metrics/README.md',
    begins: 'import { cocoMetric,',
    before:
      "import type { GroundTruth, ImageDetections } from '@kd/core';\ndeclare const categories: GroundTruth['categories']; declare const images: GroundTruth['images']; declare const detections: ImageDetections[];",
  },
  {
    page: 'packages/metrics/README.md',
    begins: 'import { cocoTable,',
    before: 'declare const instances: string; declare const results: string;',
  },
  {
    page: 'packages/plugin-logits/README.md',
    begins: 'import { kdLoss,',
    before:
      "import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';\ndeclare const student: Tensor2D; declare const teacher: Tensor2D; declare const weights: Tensor1D;",
  },
  { page: 'packages/plugin-pkd/README.md', begins: 'import { pkdLevels,', before: maps },
  { page: 'packages/plugin-ssim/README.md', begins: 'import { ssimLevels,', before: maps },
  {
    page: 'packages/plugin-prototype/README.md',
    begins: 'distillers: [',
    before: "import type { Config } from '@kd/core';\nexport const part: Pick<Config, 'distillers'> = {",
    after: '};',
  },
  {
    page: 'packages/plugin-prototype/README.md',
    begins: 'prototype({\n  reliability',
    before: `import { prototype } from '@kd/plugin-prototype'; ${tfjs}`,
  },
  {
    page: 'packages/report/README.md',
    begins: 'import { jsonLines,',
    before:
      "import { Trainer, type Config } from '@kd/core'; import { safetensorsFormat } from '@kd/weights';\ndeclare const config: Config;",
  },
  { page: 'packages/testing/README.md', begins: 'import { testPlugin,', folder: 'packages/plugin-ssim/src' },
  { page: 'packages/testing/README.md', begins: 'import { testBackbone }', folder: configs },
  { page: 'packages/testing/README.md', begins: 'import { testTeacher }', folder: configs },
  { page: 'packages/testing/README.md', begins: 'import { testDetector }', folder: 'packages/detector-retinanet/src' },
  {
    page: 'packages/vision/README.md',
    begins: 'import { anchorGrid,',
    before: `${tfjs}\ndeclare const boxes: tf.Tensor3D; declare const mask: tf.Tensor2D; declare const classes: tf.Tensor2D; declare const logits: tf.Tensor3D;`,
  },
  {
    page: 'packages/vision/README.md',
    begins: 'import { buildFpn,',
    before:
      "import type { Tensor4D } from '@tensorflow/tfjs-core'; import { input } from '@tensorflow/tfjs-layers';\ndeclare const batch: Tensor4D;",
  },
  {
    page: 'packages/weights/README.md',
    begins: 'import { describeLoad,',
    before: 'declare const model: ReadonlyMap<string, { readonly shape: readonly number[] }>;',
  },
];
