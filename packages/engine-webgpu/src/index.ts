import { webgpu } from './engine.js';

export { webgpu, type WebgpuOptions } from './engine.js';
export default webgpu;
