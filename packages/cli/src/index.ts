export { drawDetections, type DrawOptions } from './draw-detections.js';
export { loadConfig, type LoadedConfig } from './load-config.js';
export { main } from './main.js';
export { ports } from './ports.js';
