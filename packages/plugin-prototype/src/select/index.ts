export type {
  BankOptions, ClassPrototypes, ClassReport, DensityOptions, Explanation, FeatureRows, LabelledFeatures, LevelBank, PairedFeatures, RowBlock, Selection, SelectOptions, Selector,
} from './types.js';
// Functions, all beside these types:
//   selectPursuit: Selector                                                            greedy, the method's own
//   selectKMeans({ space }): Selector, selectDbscan({ space }): Selector, selectRandom: Selector
//   selectStreamed(rows: FeatureRows, options?): Promise<Selection>
//   explain(features, selection rows, options?): Explanation
//   buildClass(features, options?): Promise<ClassPrototypes>
//   buildLevel(features: LabelledFeatures, options: BankOptions): Promise<LevelBank>
export { selectPursuit, selectStreamed } from './pursuit.js';
