import { onnx } from './teacher.js';

export { onnx };
export default onnx;
export { type Inspection, inspectOnnx } from './inspect.js';
export type { ListedMap } from './maps/list-maps.js';
export type { MapInfo, MapLayout } from './maps/map-layout.js';
export type { ImageInput, ImageLayout, ImageType } from './model/image-input.js';
export type { OnnxInput, OnnxOptions } from './options.js';
