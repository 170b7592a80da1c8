import type { ForeignWeights } from './contract/checkpoint.js';
import { closest } from './errors.js';

/** Shapes by name: of tensors, or of a model's variables. */
export type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** A variable and a tensor of one name and different shapes. */
export interface Mismatch {
  readonly path: string;
  readonly given: readonly number[];
  readonly wanted: readonly number[];
}

/** How the tensors of a file and the variables of a model fit, by name and shape. */
export interface LoadReport {
  /** In both, with one shape. */
  readonly applied: readonly string[];
  /** Variables of the model that the file does not hold. */
  readonly missing: readonly string[];
  /** Tensors of the file that the model has no variable for. */
  readonly unused: readonly string[];
  readonly mismatched: readonly Mismatch[];
  /** Where layers differ in their number of classes alone: what the file has and what the model has. */
  readonly classes: { readonly given: number; readonly wanted: number; readonly paths: readonly string[] } | null;
  /** Where the file is of another detector than the model, both by name. */
  readonly other: { readonly theirs: string; readonly own: string } | null;
  /** Of the first of missing and unused: the one of the other list that has its shape and almost its name. */
  readonly meant: ReadonlyMap<string, string>;
  /** What the file is known to be, where it is another program's. */
  readonly foreign: ForeignWeights | null;
}

/** How many names of a list are compared with all of the other. */
const COMPARED = 8;

export interface LoadOf {
  /** The detector by name, and how many classes it has. */
  readonly detector?: string;
  readonly classes?: number;
  readonly foreign?: ForeignWeights | null;
}

/** Compares the tensors of a file with the variables of a model; each list in the order of its source. */
export function loadReport(
  given: Shapes,
  wanted: Shapes,
  { detector, classes, foreign = null }: LoadOf = {},
): LoadReport {
  const applied: string[] = [];
  const missing: string[] = [];
  const mismatched: Mismatch[] = [];
  for (const [path, { shape }] of wanted) {
    const other = given.get(path)?.shape;
    if (other === undefined) missing.push(path);
    else if (other.join() === shape.join()) applied.push(path);
    else mismatched.push({ path, given: other, wanted: shape });
  }
  const unused = [...given.keys()].filter((name) => !wanted.has(name));
  const theirs = foreign?.detector ?? null;
  const other = theirs === null || detector === undefined || theirs === detector ? null : { theirs, own: detector };
  return {
    applied,
    missing,
    unused,
    mismatched,
    meant: new Map([...alike(missing, wanted, unused, given), ...alike(unused, given, missing, wanted)]),
    classes: classes === undefined || other !== null ? null : otherClasses(mismatched, classes),
    other,
    foreign,
  };
}

/**
 * The first names with what they may be called in the other list; a layer of another number is another layer, and a
 * scale of a norm is none of its means.
 */
function alike(names: readonly string[], own: Shapes, others: readonly string[], theirs: Shapes): [string, string][] {
  const shapeOf = (of: Shapes, name: string): string => of.get(name)!.shape.join();
  const withoutNumbers = (name: string): string => name.replace(/\d+/g, '#');
  const leaf = (name: string): string => /\/.*$/.exec(name)?.[0] ?? '';
  const end = (name: string): string => name.split(/[./]/).slice(-4).join('.');
  return names.slice(0, COMPARED).flatMap((name): [string, string][] => {
    const [shape, bare, tail] = [shapeOf(own, name), withoutNumbers(name), end(name)];
    const candidates = others.filter(
      (one) => shapeOf(theirs, one) === shape && leaf(one) === leaf(name) && withoutNumbers(one) !== bare,
    );
    const below = candidates.find((one) => tail.split('.').length === 4 && end(one) === tail);
    const meant = below ?? closest(name, candidates);
    return meant === '' ? [] : [[name, meant]];
  });
}

/** Layers that predict classes, or a box for each. */
const OF_CLASSES = /cls|class|logits|score|bbox_pred/i;

/**
 * Whether the last sides of class layers are so many a class in the model and as many a class, of another number, in
 * the file; with a background, one class more.
 */
function otherClasses(mismatched: readonly Mismatch[], wanted: number): LoadReport['classes'] {
  const ofClasses = mismatched.filter(
    ({ path, given, wanted: own }) =>
      OF_CLASSES.test(path) && given.length === own.length && given.slice(0, -1).join() === own.slice(0, -1).join(),
  );
  if (ofClasses.length === 0) return null;
  for (const background of [0, 1]) {
    const counts = ofClasses.map(({ given, wanted: own }) => {
      const each = own.at(-1)! / (wanted + background);
      return Number.isInteger(each) ? given.at(-1)! / each - background : NaN;
    });
    const [count] = counts;
    if (Number.isInteger(count) && count! > 0 && new Set(counts).size === 1)
      return { given: count!, wanted, paths: ofClasses.map(({ path }) => path) };
  }
  return null;
}

/** Whether every variable has its tensor, and every tensor its variable. */
export const fitsWhole = ({ missing, unused, mismatched }: LoadReport): boolean =>
  missing.length + unused.length + mismatched.length === 0;

/**
 * The report as lines: what the file is, and what did not fit, with counts and at most `limit` names each; empty when
 * all did.
 */
export function describeLoad(report: LoadReport, limit = 3): string[] {
  if (fitsWhole(report)) return [];
  const { applied, missing, unused, mismatched, classes, other, meant, foreign } = report;
  const inFile = (path: string): string => foreign?.sources.get(path) ?? path;
  const reasons = new Map(foreign?.foreign.map(({ name, why }) => [name, why]));
  const also = (name: string, tell = (one: string): string => one): string =>
    meant.has(name) ? ` (did you mean "${tell(meant.get(name)!)}"?)` : '';
  const list = (what: string, names: readonly string[], tell: (name: string) => string): string[] =>
    names.length === 0
      ? []
      : [
          `${names.length} ${what}: ${names.slice(0, limit).map(tell).join(', ')}${names.length > limit ? `, … and ${names.length - limit} more` : ''}`,
        ];
  const others = new Map(mismatched.map((one) => [one.path, one]));
  const known = classes === null ? [] : classes.paths;
  const plain = mismatched.filter(({ path }) => !known.includes(path)).map(({ path }) => path);
  // One reason stands for many names.
  const explained = [...new Set(unused.map((path) => reasons.get(inFile(path))).filter((why) => why !== undefined))];
  return [
    ...(foreign === null ? [] : [`the file: ${foreign.told}`]),
    ...(other === null ? [] : [`it is for the detector "${other.theirs}", this one is "${other.own}"`]),
    applied.length === 1 ? '1 tensor fits' : `${applied.length} tensors fit`,
    ...(classes === null
      ? []
      : [
          `${classes.given} classes instead of ${classes.wanted}${COCO[classes.given] ?? ''}: ${classes.paths.join(', ')}`,
        ]),
    ...list('of another shape', plain, (path) => {
      const { given, wanted } = others.get(path)!;
      return `${path} is [${given.join(', ')}] where [${wanted.join(', ')}] is wanted`;
    }),
    ...list('missing', missing, (path) => `${path}${also(path, inFile)}`),
    ...list('not used', unused, (path) => `${inFile(path)}${also(path)}`),
    ...explained.map((why) => `no model here has: ${why}`),
    ...(foreign === null || foreign.ignored.length === 0 ? [] : [`left out: ${byReason(foreign.ignored)}`]),
    ...(foreign === null || foreign.needs.length === 0
      ? []
      : [`such a file is for a detector with ${foreign.needs.join(', ')}`]),
  ];
}

/** `15 (a counter of torch that nothing reads), 2 (…)` */
function byReason(ignored: ForeignWeights['ignored']): string {
  const counts = new Map<string, number>();
  for (const { why } of ignored) counts.set(why, (counts.get(why) ?? 0) + 1);
  return [...counts].map(([why, count]) => `${count} (${why})`).join(', ');
}

const COCO: Readonly<Record<number, string>> = {
  80: " (COCO's 80, as mmdetection counts them)",
  90: " (COCO's 91 ids with gaps, as torchvision counts them, the background among them)",
  91: " (COCO's 91 ids with gaps, as torchvision counts them)",
};
