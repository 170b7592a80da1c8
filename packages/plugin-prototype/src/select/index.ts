export { buildClass, buildLevel } from './bank.js';
export { type Densities, densitiesOf } from './density-filter.js';
export { explain } from './explain.js';
export { selectPursuit, selectStreamed } from './pursuit.js';
export type {
  BankOptions,
  ClassPrototypes,
  ClassReport,
  DensityOptions,
  Explanation,
  FeatureRows,
  LabelledFeatures,
  LevelBank,
  PairedFeatures,
  RowBlock,
  Selection,
  SelectOptions,
  Selector,
} from './types.js';
export { type DbscanOptions, selectDbscan } from './db-scan.js';
export { type KMeansOptions, selectKMeans } from './k-means.js';
export { selectRandom } from './random.js';
export type { Memory } from './row-tensors.js';
export type { Space } from './one-space.js';
