import type { CoreCopy } from '../../plugins/core-copy.js';

/** Modules of a page are told apart by their addresses; what a bundler has joined is one copy. */
export const OWN: CoreCopy = { folder: import.meta.url, version: 'of unknown version' };
