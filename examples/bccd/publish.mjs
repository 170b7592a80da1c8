// What the repository keeps of the runs of a study: every summary.json, and the teachers' weights as float16.
//
//   node examples/bccd/publish.mjs [--runs runs/bccd] [--weights examples/bccd]
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readSafetensors, writeSafetensors } from '@kd/weights';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: 'runs/bccd' }, weights: { type: 'string', default: 'examples/bccd' } },
});
const results = new URL(`../../docs/results/${basename(resolve(values.runs))}/`, import.meta.url);
mkdirSync(results, { recursive: true });

for (const name of readdirSync(values.runs)) {
  const file = join(values.runs, name, 'summary.json');
  if (!existsSync(file)) continue;
  // Files are told by their names: where they lie is this machine's affair.
  const summary = JSON.parse(readFileSync(file, 'utf8'), (_, value) =>
    typeof value === 'string' ? value.replaceAll(/(?<=^|\s)\/\S*\//g, '') : value,
  );
  writeFileSync(new URL(`${name}.summary.json`, results), `${JSON.stringify(summary, null, 2)}\n`);
  if (!name.endsWith('teacher')) continue;
  const { tensors, metadata } = await readSafetensors(join(values.runs, name, 'checkpoints', 'best.safetensors'));
  const half = join(values.weights, `${name}.safetensors`);
  await writeSafetensors(half, tensors, metadata, { as: 'F16' });
  const bytes = readFileSync(half);
  console.log(`${half}: ${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`);
}
