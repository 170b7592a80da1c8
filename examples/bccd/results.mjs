// The results table: every run of the queue on the val and the test split, its last weights, with intervals.
//
//   KD_DATA=/path/to/bccd node examples/bccd/results.mjs [--runs runs/bccd] [--json docs/results/bccd/table.json]
//     [--base scratch]
//
// --base: the runs that the others are compared with; without it those of the same first word with -alone.
//
// The interval of a run is the 2.5th to 97.5th percentile of AP over 1,000 resamplings of the split's images; that of a
// difference resamples the same images for both students, averaged over their seeds.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ports } from '@kd/cli';
import { createRng, detectAll, latestCheckpoint, loadModel, resolveEngine } from '@kd/core';
import { dataSource } from '@kd/data';
import { cocoMetric } from '@kd/metrics';
import { columns } from '@kd/report';

const RESAMPLINGS = 1000;
const { values } = parseArgs({
  options: { runs: { type: 'string', default: 'runs/bccd' }, json: { type: 'string' }, base: { type: 'string' } },
});
const root = process.env.KD_DATA ?? 'data';
const splits = {};
for (const split of ['val', 'test']) {
  splits[split] = await dataSource({ format: 'voc', root, split, classes: ['RBC', 'WBC', 'Platelets'] }).open({
    folder: '.',
  });
}

const engine = await resolveEngine('tensorflow', '.');
await engine.start();
const metric = cocoMetric();
const runs = [];
for (const name of readdirSync(values.runs).sort()) {
  const folder = join(values.runs, name);
  const checkpoint = await latestCheckpoint(folder, ports.format);
  if (checkpoint === null) continue;
  const summary = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8'));
  const { detector, info } = await loadModel(checkpoint, {
    ...ports,
    folder: '.',
    context: { runOp: engine.runOp?.bind(engine) },
  });
  const run = {
    name,
    kind: name.replace(/-\d+$/, ''),
    seed: summary.seed,
    minutes: summary.minutes,
    steps: summary.steps,
    parameters: info.parameters,
    splits: {},
    samples: {},
  };
  for (const [split, dataset] of Object.entries(splits)) {
    const { detections } = await detectAll(detector, dataset, { batchSize: 8, workers: 1, onBadImage: 'error' });
    const { metrics, perClass } = metric.evaluate(dataset, detections);
    run.samples[split] = resample(dataset, detections);
    run.splits[split] = {
      ...metrics,
      interval: interval(run.samples[split]),
      perClass: Object.fromEntries(perClass.map(({ category, metrics: own }) => [category.name, own.AP])),
    };
  }
  detector.dispose();
  runs.push(run);
  process.stderr.write(`${name}: val ${percent(run.splits.val.AP)}, test ${percent(run.splits.test.AP)}\n`);
}

/** AP of the same image draws for every run: draw k of a split is the same list of images whatever the run. */
function resample({ categories, images }, detections) {
  const byId = new Map(detections.map((one) => [one.id, one]));
  return Array.from({ length: RESAMPLINGS }, (_, k) => {
    const rng = createRng(0, 'resampling', k);
    const drawn = images.map(() => images[rng.int(0, images.length - 1)]);
    const truth = {
      categories,
      images: drawn.map((image, i) => ({
        ...image,
        id: i,
        annotations: image.annotations.map((one, j) => ({ ...one, id: i * 1000 + j })),
      })),
    };
    return metric.evaluate(
      truth,
      drawn.map((image, i) => ({ ...byId.get(image.id), id: i })),
    ).metrics.AP;
  });
}

function interval(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  return [sorted[Math.round(0.025 * (sorted.length - 1))], sorted[Math.round(0.975 * (sorted.length - 1))]];
}

function percent(value) {
  return (100 * value).toFixed(1);
}

const mean = (list) => list.reduce((sum, one) => sum + one, 0) / list.length;
const deviation = (list) =>
  Math.sqrt(list.reduce((sum, one) => sum + (one - mean(list)) ** 2, 0) / Math.max(1, list.length - 1));

const lines = [
  ['model', 'seed', 'split', 'AP', '95 % of images', 'AP50', 'AP75', 'RBC', 'WBC', 'Platelets', 'minutes'],
];
for (const run of runs) {
  for (const [split, one] of Object.entries(run.splits)) {
    lines.push([
      run.kind,
      String(run.seed),
      split,
      percent(one.AP),
      one.interval.map(percent).join(' – '),
      percent(one.AP50),
      percent(one.AP75),
      ...['RBC', 'WBC', 'Platelets'].map((name) => percent(one.perClass[name])),
      run.minutes.toFixed(1),
    ]);
  }
}
console.log(columns(lines).join('\n'));

const comparisons = [];
const of = (kind) => runs.filter((run) => run.kind === kind);
const kinds = [...new Set(runs.map(({ kind }) => kind))].filter((kind) => !kind.endsWith('teacher'));
for (const split of Object.keys(splits)) {
  for (const kind of kinds) {
    const own = of(kind);
    // What the first word says is the same student: gfl-crosskd is compared with gfl-alone.
    const alone = of(values.base ?? `${kind.split('-')[0]}-alone`);
    if (alone.length === 0) continue;
    const aps = own.map((run) => run.splits[split].AP);
    const gains = Array.from(
      { length: RESAMPLINGS },
      (_, k) => mean(own.map((run) => run.samples[split][k])) - mean(alone.map((run) => run.samples[split][k])),
    );
    comparisons.push({
      kind,
      split,
      seeds: own.length,
      mean: mean(aps),
      deviation: deviation(aps),
      gain: mean(aps) - mean(alone.map((run) => run.splits[split].AP)),
      interval: interval(gains),
    });
  }
}
console.log(
  `\n${columns([['students', 'split', 'seeds', 'mean AP', 'deviation over seeds', `gain over ${values.base ?? 'alone'}`, '95 % of images'], ...comparisons.map((one) => [one.kind, one.split, String(one.seeds), percent(one.mean), percent(one.deviation), percent(one.gain), one.interval.map(percent).join(' – ')])]).join('\n')}`,
);
if (values.json !== undefined) {
  writeFileSync(
    values.json,
    `${JSON.stringify({ runs: runs.map(({ samples: _, ...run }) => run), comparisons }, null, 1)}\n`,
  );
}
