// A step of the demo's student on WebAssembly, native TensorFlow and TensorFlow.js' plain engine, one thread each, in
// turn: processor time, since the machine may have other work. The plain engine takes minutes for a step and makes one
// only; KD_BENCH_ENGINES=wasm,tensorflow leaves it out. What the engine on WebAssembly adds to an installation is the
// size of its packages.
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { least, ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'engines';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 5);
const ENGINES = (process.env.KD_BENCH_ENGINES ?? 'wasm,tensorflow,cpu').split(',');
const ours = fileURLToPath(new URL('../packages/engine-wasm', import.meta.url));

export async function run() {
  const started = [];
  try {
    for (const engine of ENGINES)
      started.push(await peerFactory(process.execPath)('../ours/engine-step.mjs', [engine]));
    const rounds = started.map(() => []);
    for (let round = 0; round <= ROUNDS; round++)
      for (const [i, one] of started.entries())
        if (round === 0 || ENGINES[i] !== 'cpu') rounds[i].push(await one.once());
    // The first step of each compiles or packs what later ones find, and has equal weights: its terms must agree.
    const first = rounds.map(([one]) => one.terms);
    for (const terms of first) same(first[0], terms);
    const measured = rounds.map((all) => all.slice(all.length > 1 ? 1 : 0));
    const cpu = Object.fromEntries(ENGINES.map((engine, i) => [engine, least(measured[i], 'cpu_ms')]));
    return {
      ...Object.fromEntries(ENGINES.map((engine) => [`${engine}_cpu_ms`, rounded(cpu[engine])])),
      ...Object.fromEntries(ENGINES.map((engine, i) => [`${engine}_ms`, rounded(least(measured[i], 'ms'))])),
      wasm_over_tensorflow: ratio(cpu.wasm, cpu.tensorflow),
      wanted_at_most: 8,
      wasm_over_cpu: ratio(cpu.wasm, cpu.cpu),
      wanted_of_cpu_at_most: 0.25,
      install_mb: rounded(installed() / 1e6),
      engines: started.map(({ about }) => about.peer),
      rounds: ROUNDS,
      timed:
        'one step, 16 images of 96 x 96, forward to optimiser; least of the rounds after the first (cpu: the first)',
    };
  } finally {
    for (const one of started) one.close();
  }
}

function same(terms, others) {
  for (const [term, value] of Object.entries(terms))
    if (!(Math.abs(value - others[term]) <= 1e-4 * Math.abs(value)))
      throw new Error(`${term} is ${value} and ${others[term]}: the engines do not compute the same`);
}

/** Bytes of the engine's own package and of the two that it depends on. */
function installed() {
  const resolve = createRequire(join(ours, 'package.json')).resolve;
  const folders = ['wasm', 'cpu'].map((of) => dirname(resolve(`@tensorflow/tfjs-backend-${of}/package.json`)));
  return [...folders, join(ours, 'dist')].reduce((sum, folder) => sum + bytesIn(folder), 0);
}

const bytesIn = (folder) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.slice(folder.length).includes('node_modules'))
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
