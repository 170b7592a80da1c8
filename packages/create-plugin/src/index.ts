export { create, type Created, type CreateOptions } from './create.js';
export { main } from './main.js';
export type { Kind } from './naming.js';
