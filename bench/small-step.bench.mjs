// Small models, where dispatching dominates: the demo's student of 96 x 96 by the trainer, alone and with its teacher
// and SSIM, steps compiled beside steps that are not (`compile` of the config), in turn. KD_BENCH_COMPILE=false,true
// chooses the columns; the first is what the others are measured by.
import { peerFactory } from './peer.mjs';
import { ratio, rounded } from './figures.mjs';

export const name = 'small-step';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 3);
const SETTINGS = (process.env.KD_BENCH_COMPILE ?? 'false,true').split(',');

export async function run() {
  const rows = [];
  for (const how of ['alone', 'taught']) rows.push(await measure(how));
  return rows;
}

async function measure(how) {
  const started = [];
  try {
    for (const setting of SETTINGS)
      started.push(await peerFactory(process.execPath)('../ours/small-step.mjs', [how, setting]));
    const best = [];
    for (let round = 0; round < ROUNDS; round++)
      for (const [i, one] of started.entries()) {
        const found = await one.once();
        best[i] = found.images_per_second > (best[i]?.images_per_second ?? 0) ? found : best[i];
      }
    const [first, ...others] = best;
    for (const other of others) same(first.terms, other.terms);
    return {
      how,
      ...Object.fromEntries(
        best.map((one, i) => [`compile_${SETTINGS[i]}_images_per_second`, rounded(one.images_per_second)]),
      ),
      ratio: others.length === 0 ? null : ratio(others[0].images_per_second, first.images_per_second),
      wanted: 2,
      first_steps_ms: Object.fromEntries(best.map((one, i) => [SETTINGS[i], rounded(one.first_steps_ms)])),
      peak_mb: Object.fromEntries(best.map((one, i) => [SETTINGS[i], one.peak_mb])),
      engine: started[0].about.engine,
      rounds: ROUNDS,
      timed: 'images a second of the steps after the tenth, data included; most of the rounds',
    };
  } finally {
    for (const one of started) one.close();
  }
}

/** Means of the terms over the first ten steps: float32, summed in another order. */
function same(terms, others) {
  for (const [name, value] of Object.entries(terms))
    if (!(Math.abs(value - others[name]) <= 2e-2 * Math.max(Math.abs(value), 0.01)))
      throw new Error(`${name} is ${value} and ${others[name]}: the two do not train alike`);
}
