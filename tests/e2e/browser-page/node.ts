// The same in a process of Node: `node node.js ENGINE FOLDER STEPS` prints what it came to.
import { distil } from './distil.js';
import { ENGINES } from './engines.js';

const [name, folder, steps] = process.argv.slice(2);
const engine = ENGINES[name as keyof typeof ENGINES]();
process.stdout.write(JSON.stringify(await distil(engine, folder!, Number(steps))));
