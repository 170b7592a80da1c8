export { fetchPretrained, isFetched, publishedFile } from '#host/fetch-published';
export type { WeightsMachine } from './published/weights-machine.js';
export { asInConfig, PUBLISHED, type PublishedWeights } from './published/published-weights.js';
export { safetensorsFormat } from './checkpoint-format.js';
export { convertWeights, type ConvertedWeights, type WeightNames } from './convert-weights.js';
export { exportStateDict } from './export-weights.js';
export { mmdetSettings } from './settings/mmdet-settings.js';
export { toFloat32 } from './half.js';
export { importStateDict, type ImportedWeights, type ImportOptions } from './import-weights.js';
export { findNameMap, type FoundMap, NAME_MAPS, nameMap } from './names/find-map.js';
export type { ClassRows, Family, NameMap, NameRule, Signs } from './names/name-map.js';
export type { Template } from './names/template.js';
export {
  parseSafetensors,
  readSafetensors,
  serializeSafetensors,
  writeSafetensors,
  type SafetensorsFile,
  type SerializeOptions,
} from './safetensors.js';
export { fromTorchvision, toMmdet, toTorchvision } from './torchvision.js';
export type { DescribedModel } from './describe-model.js';
export { describeNames, type DescribedNames } from './describe-names.js';
export { serializeTorch, writeTorch } from './torch/write-torch.js';
export { openWeights, type TensorInfo, type WeightsFile } from './weights-file.js';
export type { PlainData } from './torch/plain-data.js';
