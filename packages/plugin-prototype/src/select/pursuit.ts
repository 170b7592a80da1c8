import { removedEnergy } from './closed-form.js';
import { type CandidateForms, deflateForms, formsFromMoments } from './candidate-forms.js';
import { deflateMoments, deflationOf } from './deflation.js';
import { densities, rowsByDensity } from './density-filter.js';
import { dot } from './dot.js';
import { inMemory } from './in-memory.js';
import { type Memory, openRows, type Rows, type Vectors } from './row-tensors.js';
import { formsOf, secondMoments, type SecondMoments, trace } from './second-moments.js';
import { type SelectSettings, selectSettings } from './settings.js';
import type { FeatureRows, PairedFeatures, Selection, SelectOptions } from './types.js';

/**
 * Gains from float32 products are good to this share of the energy at their making (measured: 4e-8 after 12 picks);
 * nearer candidates are compared in float64.
 */
const UNCERTAIN = 2e-6;
/** Forms are made anew when the energy has fallen to this share: their error does not fall with it. */
const STALE = 0.1;
/** A zero row's squared norm. */
const NOTHING = 1e-12;

/**
 * Greedy selection of prototypes (Tang et al., ECCV 2022): plain matching pursuit with one index set for both spaces,
 * from second
 * moments: memory does not grow with the square of the instances, and no residual of an instance is ever formed.
 */
export const selectPursuit = async (features: PairedFeatures, options?: SelectOptions): Promise<Selection> =>
  selectStreamed(inMemory(features), options);

/**
 * The same for features that are read in blocks, in 2 passes, 2 more for the density filter, and one for every pick but
 * the last.
 * @throws KdError USAGE for an option out of range; whatever `read` throws; the signal's reason
 */
export async function selectStreamed(
  source: FeatureRows,
  options?: SelectOptions,
  memory?: Memory,
): Promise<Selection> {
  const settings = selectSettings(options);
  const rows = openRows(source, settings, memory);
  try {
    const moments = await secondMoments(rows);
    const usable = usableRows(rows.squared);
    const filtered =
      settings.candidates !== 'all' && usable.length > 0
        ? await filteredCandidates(source, rows, usable, { ...settings, candidates: settings.candidates }, memory)
        : null;
    const filterIgnored = filtered !== null && filtered.length < Math.min(settings.count, usable.length);
    const candidates = filtered === null || filterIgnored ? usable : filtered;
    rows.only(candidates);
    return {
      ...(await pick(rows, moments, candidates, settings)),
      candidates,
      filterIgnored,
      dropped: Int32Array.from(rows.dropped),
    };
  } finally {
    rows.dispose();
  }
}

async function filteredCandidates(
  source: FeatureRows,
  rows: Rows,
  usable: Int32Array,
  settings: SelectSettings & { readonly candidates: 'density' | 'sparse' },
  memory?: Memory,
): Promise<Int32Array> {
  // Densities speak of cosines, whatever the objective speaks of.
  const unit = settings.normalize ? rows : openRows(source, { normalize: true, signal: settings.signal }, memory);
  try {
    if (unit !== rows) await unit.each(() => {});
    const isUsable = new Set(usable);
    return rowsByDensity(await densities(unit, settings), rows.dropped, {
      quantile: settings.density.quantile,
      side: settings.candidates,
    }).filter((row) => isUsable.has(row));
  } finally {
    if (unit !== rows) unit.dispose();
  }
}

async function pick(
  rows: Rows,
  moments: SecondMoments,
  candidates: Int32Array,
  settings: SelectSettings,
): Promise<Omit<Selection, 'candidates' | 'filterIgnored' | 'dropped'>> {
  const { similarity: lambda } = settings;
  const norms = { teacher: at(rows.squared.teacher, candidates), student: at(rows.squared.student, candidates) };
  const initialEnergy = sum(rows.squared.teacher) + sum(rows.squared.student);
  const live = new Uint8Array(candidates.length).fill(1);
  const picks: number[] = [];
  const steps: Record<
    'gains' | 'objective' | 'totalObjective' | 'residualTeacher' | 'residualStudent' | 'similarity',
    number[]
  > = {
    gains: [],
    objective: [],
    totalObjective: [],
    residualTeacher: [],
    residualStudent: [],
    similarity: [],
  };
  let stopped: Selection['stopped'] = 'count';
  let energy = initialEnergy;
  let madeAt = 0;
  let similar = 0;
  let forms: CandidateForms | null = null;
  while (picks.length < settings.count) {
    if (!live.includes(1)) {
      stopped = 'exhausted';
      break;
    }
    if (forms === null || energy < STALE * madeAt) {
      forms = await formsFromMoments(rows, candidates.length, moments);
      madeAt = energy;
    }
    const best = await bestCandidate(rows, moments, candidates, {
      forms,
      norms,
      live,
      lambda,
      uncertain: UNCERTAIN * madeAt,
      tolerance: settings.twinTolerance,
    });
    if (!(best.gain > settings.stopTolerance * initialEnergy)) {
      stopped = 'gain';
      break;
    }
    const deflation = deflationOf(moments, best.vectors, lambda);
    deflateMoments(moments, best.vectors, deflation);
    const objective = energy - best.gain;
    const term = Math.max(0, lambda * (deflation.wtt - 2 * deflation.wts + deflation.wss));
    similar += term;
    const [teacher, student] = [trace(moments.tt, moments.dt), trace(moments.ss, moments.ds)];
    energy = teacher + student;
    picks.push(candidates[best.place]!);
    steps.gains.push(best.gain);
    steps.objective.push(objective);
    steps.totalObjective.push(energy + similar);
    steps.residualTeacher.push(teacher);
    steps.residualStudent.push(student);
    steps.similarity.push(term);
    if (picks.length === settings.count) break;
    const products = await deflateForms(rows, forms, best.vectors, deflation);
    if (!settings.allowRepeat) retire(live, best.place, products, norms, settings.twinTolerance);
  }
  return {
    rows: Int32Array.from(picks),
    gains: Float64Array.from(steps.gains),
    objective: Float64Array.from(steps.objective),
    totalObjective: Float64Array.from(steps.totalObjective),
    residualTeacher: Float64Array.from(steps.residualTeacher),
    residualStudent: Float64Array.from(steps.residualStudent),
    similarity: Float64Array.from(steps.similarity),
    initialEnergy,
    stopped,
  };
}

interface Standing {
  readonly forms: CandidateForms;
  readonly norms: Vectors;
  readonly live: Uint8Array;
  readonly lambda: number;
  readonly uncertain: number;
  /** Of twins. */
  readonly tolerance: number;
}

/**
 * The live candidate with the largest gain, the lowest row among equals; whoever may be it by the float32 forms is
 * looked at in float64.
 */
async function bestCandidate(
  rows: Rows,
  moments: SecondMoments,
  candidates: Int32Array,
  { forms, norms, live, lambda, uncertain, tolerance }: Standing,
): Promise<{ place: number; gain: number; vectors: Vectors }> {
  const gains = new Float64Array(candidates.length).fill(-Infinity);
  let most = -Infinity;
  for (let c = 0; c < candidates.length; c++) {
    if (live[c] === 0) continue;
    gains[c] = removedEnergy(norms.teacher[c]!, norms.student[c]!, lambda, forms.tt[c]!, forms.ss[c]!, forms.ts[c]!);
    if (gains[c]! > most) most = gains[c]!;
  }
  let best: { place: number; gain: number; vectors: Vectors } | null = null;
  for (let c = 0; c < candidates.length; c++) {
    if (gains[c]! < most - uncertain) continue;
    const vectors = await rows.row(candidates[c]!);
    // Of twins with the same gain the lowest row is taken, whatever the last bits say.
    if (best !== null && twins(vectors, best.vectors, tolerance)) continue;
    const exact = formsOf(moments, vectors);
    const gain = removedEnergy(
      dot(vectors.teacher, vectors.teacher),
      dot(vectors.student, vectors.student),
      lambda,
      exact.tt,
      exact.ss,
      exact.ts,
    );
    if (best === null || gain > best.gain) best = { place: c, gain, vectors };
  }
  return best!;
}

function retire(
  live: Uint8Array,
  place: number,
  { teacher: g, student: h }: Vectors,
  norms: Vectors,
  tolerance: number,
): void {
  const near = 1 - tolerance;
  for (let c = 0; c < live.length; c++) {
    const twin =
      g[c]! > near * Math.sqrt(norms.teacher[c]! * norms.teacher[place]!) &&
      h[c]! > near * Math.sqrt(norms.student[c]! * norms.student[place]!);
    if (twin) live[c] = 0;
  }
  live[place] = 0;
}

function usableRows({ teacher, student }: Vectors): Int32Array {
  const rows = new Int32Array(teacher.length);
  let count = 0;
  for (let i = 0; i < rows.length; i++) if (teacher[i]! > NOTHING && student[i]! > NOTHING) rows[count++] = i;
  return rows.slice(0, count);
}

function at(values: Float64Array, places: Int32Array): Float64Array {
  const out = new Float64Array(places.length);
  for (let i = 0; i < out.length; i++) out[i] = values[places[i]!]!;
  return out;
}

const twins = (a: Vectors, b: Vectors, tolerance: number): boolean =>
  alike(a.teacher, b.teacher, tolerance) && alike(a.student, b.student, tolerance);

const alike = (a: Float64Array, b: Float64Array, tolerance: number): boolean =>
  dot(a, b) > (1 - tolerance) * Math.sqrt(dot(a, a) * dot(b, b));

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
