export { exportedModel, type ExportOptions } from './exported-model.js';
export type { Activation, NetworkGraph, Node, Op, Pads, Weight } from './network/graph.js';
export { quantised, type Quantised } from './network/quantised.js';
export { readNetwork } from './network/read-network.js';
export { exportOnnx, type OnnxExport, type OnnxOptions } from './onnx/export-onnx.js';
export { exportTorch, type TorchExport } from './torch/export-torch.js';
export type { TorchFamily } from './torch/torch-config.js';
export { webPage, type WebPage } from './web/web-page.js';
