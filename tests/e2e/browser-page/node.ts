// The same in a process of Node: `node node.js ENGINE FOLDER` prints what it came to.
import { distil } from './distil.js';
import { ENGINES } from './engines.js';

const [name, folder] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await distil(ENGINES[name as keyof typeof ENGINES], folder!)));
