// pnpm bench [NAME …]: runs bench/*.bench.mjs, prints one JSON object a line.
// A bench exports `name` and `run({ peer })`; `peer` starts a script of bench/peers, or is null without KD_PEER_PYTHON.
import { readdir } from 'node:fs/promises';
import { peerFactory } from './peer.mjs';

const files = (await readdir(new URL('.', import.meta.url))).filter((file) => file.endsWith('.bench.mjs')).sort();
const benches = await Promise.all(files.map((file) => import(new URL(file, import.meta.url))));
const names = benches.map((bench) => bench.name);

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`There is no bench "${unknown.join('", "')}". There are: ${names.join(', ')}.`);
  process.exit(2);
}

let failed = false;
for (const bench of benches.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  const results = await bench.run({ peer: peerFactory(process.env.KD_PEER_PYTHON) }).catch((error) => {
    failed = true;
    return { error: error instanceof Error ? error.message : String(error) };
  });
  for (const result of [results].flat()) console.log(JSON.stringify({ name: bench.name, ...result }));
}
process.exitCode = failed ? 1 : 0;
