// What `safetensorsFormat` reads by in a thread: the files that it wrote, without the rest of the package.
export { readSafetensors as read } from './safetensors.js';
