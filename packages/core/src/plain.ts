// What needs no TensorFlow.js, as `@kd/core/plain`: a thread that decodes images, or a command before it does anything,
// starts in a fifth of the time that the whole of core takes.
export { writeFileAtomic } from '#host/atomic';
export type * from './contract/data.js';
export * from './errors.js';
export { floatToHalf } from './half.js';
export { hostFloats } from './host-floats.js';
export * from './is-object.js';
export * from './json-text.js';
export { checkMembers, checkText } from './members.js';
export * from './options.js';
export { printable } from './printable.js';
export * from '#host/regular-file';
export { sha256 } from '#host/sha256';
export type { Sha256 } from './host/sha256.js';
export * from './rng.js';
export { checkUsable, unusable } from './run/usable-data.js';
export * from './shown.js';
