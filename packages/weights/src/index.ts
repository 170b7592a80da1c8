export { toFloat32 } from './half.js';
export {
  parseSafetensors,
  readSafetensors,
  safetensorsFormat,
  serializeSafetensors,
  writeSafetensors,
  type SafetensorsFile,
  type SerializeOptions,
} from './safetensors.js';
