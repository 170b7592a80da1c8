// Trains 50 steps compiled and 50 op by op: every detector alone, every method alone, and the presets, tiny as in
// tests/e2e/methods.test.ts. Prints how far terms and weights are apart, and how far trainings op by op are whose first
// weights differ by rounding: where a sampler, a choice of instances or the sign of an L1 loss tips over, much comes of
// little.
//   node scripts/compiled-equal.mjs [--steps 50] [--only NAME,NAME] [--most 1e-4]
// Exit code 1 where a difference is above `--most` and above ten times the one that rounding makes. Takes ten minutes to
// half an hour.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRng, readManifests, silentLogger } from '@kd/core';
import { safetensorsFormat } from '@kd/weights';
import { createServer } from 'vite';

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '50' },
    only: { type: 'string' },
    most: { type: 'string', default: '1e-4' },
  },
});
const steps = Number(options.steps);
/** Trainings that begin with weights next to those of the plain one. */
const NUDGES = 3;
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'kd-compiled-equal-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

// The tests' own detectors are TypeScript.
const vite = await createServer({
  root,
  configFile: false,
  appType: 'custom',
  logLevel: 'error',
  ssr: { external: true },
  server: { middlewareMode: true, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
});
const [{ KINDS, kinds, methodsOf, withOptions }, { trainTiny, logsOf, picturesFor }] = await Promise.all(
  ['tiny-detectors', 'train-tiny'].map((name) => vite.ssrLoadModule(`/tests/e2e/${name}.ts`)),
);

let runs = 0;
/** Two steps an epoch, by plain gradient descent: Adam makes steps of one size of gradients that are noise. */
async function trained(kind, { width = 4, count = steps, ...config }) {
  const out = join(folder, String(runs++));
  const events = await trainTiny(
    {
      engine: 'tensorflow',
      student: KINDS[kind](width),
      data: picturesFor(kind, 8),
      batchSize: 4,
      epochs: Math.ceil(count / 2),
      optimizer: { name: 'sgd', lr: 1e-3 },
      clipNorm: 10,
      checkpoint: { every: 1000 },
      ...config,
    },
    { out, logger: silentLogger },
  );
  const file = events.flatMap((event) => (event.type === 'checkpoint' ? [event.file] : [])).at(-1);
  return { out, file, logs: logsOf(events), ...(await safetensorsFormat.read(file)) };
}

/** The largest difference of two arrays, over the largest value of the first. */
function apart(of, to) {
  const most = of.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-6);
  return of.reduce((max, value, i) => Math.max(max, Math.abs(value - to[i])), 0) / most;
}

/** Of terms over all their steps, and of the trained weights; the optimiser's slots are left out. */
function differences(plain, other) {
  const names = Object.keys(plain.logs[0].terms);
  const values = ({ logs }, name) => logs.map(({ terms }) => terms[name]);
  const weights = [...plain.tensors.keys()].filter((name) => /^(student|plugin)\//.test(name));
  return {
    terms: worst(names, (name) => apart(values(plain, name), values(other, name))),
    weights: worst(weights, (name) => apart(plain.tensors.get(name).data, other.tensors.get(name).data)),
  };
}

/** The first step whose terms differ by more than a float's rounding adds up to, or null. */
function apartFrom(plain, other) {
  const at = plain.logs.findIndex(({ terms }, i) =>
    Object.entries(terms).some(([name, value]) => apart([value], [other.logs[i].terms[name]]) > 1e-5),
  );
  return at < 0 ? null : at + 1;
}

/** A checkpoint of a student after two steps, and some whose weights differ from it by rounding. */
async function starts(kind) {
  const { file, tensors, metadata } = await trained(kind, { count: 2, compile: false });
  const nudged = [];
  for (let n = 0; n < NUDGES; n++) {
    const rng = createRng(n, 'compiled-equal');
    const moved = (x) => x * (1 + Math.sign(rng.uniform() - 0.5) * 2 ** -23);
    const other = join(folder, `nudged-${kind}-${n}.safetensors`);
    const changed = [...tensors].map(([name, { data, ...tensor }]) => [
      name,
      { ...tensor, data: data instanceof Float32Array ? data.map(moved) : data },
    ]);
    await safetensorsFormat.write(other, new Map(changed), metadata);
    nudged.push(other);
  }
  return { init: file, nudged };
}

function worst(names, of) {
  return names.map((name) => ({ name, off: of(name) })).reduce((a, b) => (b.off > a.off ? b : a));
}

const kept = new Map();
async function modelsOf(kind) {
  if (!kept.has(kind)) {
    const { out } = await trained(kind, { width: 6, count: 2, compile: false });
    kept.set(kind, { teacher: { weights: out }, ...(await starts(kind)) });
  }
  return kept.get(kind);
}

const presets = (await readManifests(root)).declared.filter(({ kind }) => kind === 'preset').map(({ name }) => name);
/** The first kind of detector that a method or all of a preset can teach. */
const kindFor = (name) => kinds.find((kind) => name.split('+').every((method) => taught(kind, method)));
const taught = (kind, method) => method === 'gi' || methodsOf(kind, true).includes(method);
const cases = [
  ...kinds.map((kind) => ({ name: `${kind} alone`, kind })),
  ...[...new Set(kinds.flatMap((kind) => methodsOf(kind, true)))].map((name) => ({
    name,
    kind: kindFor(name),
    distillers: withOptions(kindFor(name), [name]),
  })),
  ...presets.map((name) => ({ name, kind: kindFor(name), distillers: [name] })),
].filter(({ name }) => options.only?.split(',').includes(name) ?? true);

const largest = { terms: 0, weights: 0 };
for (const { name, kind, distillers } of cases) {
  const { teacher, init, nudged } = await modelsOf(kind);
  const config = { init, ...(distillers && { teacher, distillers }) };
  const plain = await trained(kind, { ...config, compile: false });
  const graph = await trained(kind, config);
  const compiled = differences(plain, graph);
  const others = [];
  for (const one of nudged)
    others.push(differences(plain, await trained(kind, { ...config, init: one, compile: false })));
  const told = ['terms', 'weights'].map((what) => {
    const [{ off, name: of }, usual] = [compiled[what], Math.max(...others.map((one) => one[what].off))];
    largest[what] = Math.max(largest[what], off);
    if (!(off <= Math.max(Number(options.most), 10 * usual))) process.exitCode = 1;
    return `${what} ${off.toExponential(1)} (${of}), by rounding ${usual.toExponential(1)}`;
  });
  const from = apartFrom(plain, graph);
  const since = from === null ? '' : `; terms differ from step ${from} on`;
  process.stdout.write(`${name}, ${kind}, ${plain.logs.length} steps: ${told.join('; ')}${since}\n`);
}
await vite.close();
const told = Object.entries(largest).map(([what, off]) => `${what} ${off.toExponential(1)}`);
process.stdout.write(`the largest of ${cases.length}: ${told.join(', ')}\n`);
