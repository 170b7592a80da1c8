export { loadConfig, type LoadedConfig } from './load-config.js';
export { main } from './main.js';
export { ports } from './ports.js';
