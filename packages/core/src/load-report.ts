import type { ForeignWeights } from './contract/checkpoint.js';
import { suggestion } from './errors.js';

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
  /** Of the first of missing and unused: the one of the other list that has its shape and almost its name. */
  readonly meant: ReadonlyMap<string, string>;
  /** What the file is known to be, where it is another program's. */
  readonly foreign: ForeignWeights | null;
}

/** How many names of a list are compared with all of the other. */
const COMPARED = 8;

/**
 * Compares the tensors of a file with the variables of a model; each list in the order of its source.
 * @param classes how many the model has
 */
export function loadReport(
  given: Shapes,
  wanted: Shapes,
  { classes, foreign = null }: { readonly classes?: number; readonly foreign?: ForeignWeights | null } = {},
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
  return {
    applied,
    missing,
    unused,
    mismatched,
    meant: new Map([...alike(missing, wanted, unused, given), ...alike(unused, given, missing, wanted)]),
    classes: classes === undefined ? null : otherClasses(mismatched, classes),
    foreign,
  };
}

function alike(names: readonly string[], own: Shapes, others: readonly string[], theirs: Shapes): [string, string][] {
  const shapeOf = (of: Shapes, name: string): string => of.get(name)!.shape.join();
  return names.slice(0, COMPARED).flatMap((name): [string, string][] => {
    const shape = shapeOf(own, name);
    const meant = suggestion(
      name,
      others.filter((other) => shapeOf(theirs, other) === shape),
    );
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
  const { applied, missing, unused, mismatched, classes, meant, foreign } = report;
  const inFile = (path: string): string => foreign?.sources.get(path) ?? path;
  const reasons = new Map(foreign?.foreign.map(({ name, why }) => [name, why]));
  const also = (name: string): string => (meant.has(name) ? ` (${meant.get(name)!})` : '');
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
    `${applied.length} tensors fit`,
    ...(classes === null
      ? []
      : [
          `of ${classes.given} classes instead of ${classes.wanted}: ${classes.paths.join(', ')}${COCO[classes.given] ?? ''}`,
        ]),
    ...list('of another shape', plain, (path) => {
      const { given, wanted } = others.get(path)!;
      return `${path} is [${given.join(', ')}] where [${wanted.join(', ')}] is wanted`;
    }),
    ...list('missing', missing, (path) => `${path}${also(path)}`),
    ...list('not used', unused, (path) => `${inFile(path)}${also(path)}`),
    ...explained.map((why) => `not for a model here: ${why}`),
    ...(foreign === null || foreign.needs.length === 0
      ? []
      : [`such a file is for a detector with ${foreign.needs.join(', ')}`]),
  ];
}

const COCO: Readonly<Record<number, string>> = {
  80: " (COCO's 80, as mmdetection counts them)",
  90: " (COCO's 91 ids with gaps, as torchvision counts them, the background among them)",
  91: " (COCO's 91 ids with gaps, as torchvision counts them)",
};
