import { cpu } from './engine.js';

export { cpu };
export default cpu;
