export { toFloat32 } from './half.js';
export { describeMismatch, matchWeights, type Shapes, type WeightMatch } from './match.js';
export {
  parseSafetensors,
  readSafetensors,
  safetensorsFormat,
  serializeSafetensors,
  writeSafetensors,
  type SafetensorsFile,
  type SerializeOptions,
} from './safetensors.js';
export { fromTorchvision, toTorchvision } from './torchvision.js';
