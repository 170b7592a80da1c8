// What a bundler takes for `@kd/data` where it bundles for a browser: pictures that are drawn, and pictures in memory.
export { inMemory, type MemoryOptions, type MemoryPicture } from './memory/in-memory.js';
export { synthetic, type SyntheticOptions } from './synthetic/synthetic.js';
export { CLASS_NAMES as syntheticClassNames } from './synthetic/classes.js';
export type { DataSource, ReadDataset } from './dataset.js';
export type { HostImage } from './decode/image.js';
export type { Box } from './read/box-rule.js';
export { correctionLine, type Correction } from './read/correction.js';
export { resizedSize } from './transform/resize.js';
export { inputTransform, prepareImages, type BatchItem } from './transform/input.js';
export { augmentationNames } from './transform/augment.js';
