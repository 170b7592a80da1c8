import { isObject, KdError, shown } from '@kd/core/plain';
import type { Box } from './box-rule.js';
import { attempt, type TellFault } from './faults.js';
import { isSide, nanFault, readJson } from './json.js';

/** What a LabelMe file holds. */
export interface LabelmeFile {
  /** As it stands; where it leads is seen by whoever opens it. */
  readonly imagePath: string;
  /** null: not declared. */
  readonly size: { readonly width: number; readonly height: number } | null;
  /** null: one that cannot be used, which was told. */
  readonly shapes: readonly (LabelmeShape | null)[];
}

export interface LabelmeShape {
  readonly label: string;
  /** In pixels of the picture, 0-based and continuous; or why a shape has none. */
  readonly box: Box | { readonly dropped: string };
}

type Point = readonly [number, number];
type Fail = (what: string, why: string) => never;

/**
 * Reads one LabelMe file (github.com/wkentaro/labelme). `imageData` is not looked at: pictures are files.
 * @param tell takes what is wrong with single shapes
 * @throws KdError DATA_INVALID naming the file and the key
 */
export async function readLabelmeFile(file: string, tell: TellFault): Promise<LabelmeFile> {
  const { value, nanLine } = await readJson(file);
  const fail: Fail = (what, why) => {
    throw new KdError('DATA_INVALID', `${file}: ${what === '' ? '' : `${what}: `}${why}.`);
  };
  if (!isObject(value) || !Array.isArray(value['shapes']))
    return fail(
      '',
      `it is no LabelMe file, an object with the list "shapes" and "imagePath"; take it out of the folder`,
    );
  const { imagePath, imageWidth: width, imageHeight: height } = value;
  if (typeof imagePath !== 'string' || imagePath === '')
    return fail('"imagePath"', `the path of the picture is wanted, there is ${shown(imagePath)}`);
  const declared = [width, height].some((side) => side !== undefined && side !== null);
  if (declared && !(isSide(width) && isSide(height)))
    return fail(
      '"imageWidth" and "imageHeight"',
      `whole numbers above 0 are wanted, there are ${shown(width)} and ${shown(height)}`,
    );
  let faults = 0;
  const count: TellFault = (fault) => {
    faults++;
    tell(fault);
  };
  const shapes = value['shapes'].map((shape: unknown, i) =>
    attempt(count, () => readShape(shape, `shape ${i + 1}`, fail)),
  );
  if (nanLine !== null && faults === 0) throw nanFault(file, nanLine);
  return {
    imagePath,
    size: isSide(width) && isSide(height) ? { width, height } : null,
    shapes,
  };
}

/** How each kind of shape becomes a box, and how many points it has. */
const KINDS: Readonly<
  Record<string, { readonly points: readonly [number, number]; box(points: readonly Point[]): Box }>
> = {
  // Two corners in any order; some tools write all four.
  rectangle: { points: [2, 4], box: hull },
  oriented_rectangle: { points: [4, 4], box: hull },
  polygon: { points: [3, Infinity], box: hull },
  circle: { points: [2, 2], box: aroundCircle },
  // A bitmap between two pixels, the last of which belongs to it.
  mask: { points: [2, 2], box: (points) => ((box) => [box[0], box[1], box[2] + 1, box[3] + 1])(hull(points)) },
};

const WITHOUT_AREA = ['point', 'points', 'line', 'linestrip'];

function readShape(shape: unknown, place: string, fail: Fail): LabelmeShape {
  if (!isObject(shape)) return fail(place, `an object is wanted, there is ${shown(shape)}`);
  const { label, points, shape_type: given } = shape;
  if (typeof label !== 'string' || label.trim() === '')
    return fail(place, `"label" must be a text, there is ${shown(label)}`);
  const name = label.trim();
  const kind = given ?? 'polygon'; // as before there were others
  if (typeof kind === 'string' && WITHOUT_AREA.includes(kind))
    return { label: name, box: { dropped: `a ${kind} encloses nothing` } };
  const rule = typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (rule === undefined)
    return fail(
      `${place} (${name})`,
      `"shape_type" is ${shown(kind)}; read are ${[...Object.keys(KINDS), ...WITHOUT_AREA].join(', ')}`,
    );
  const [least, most] = rule.points;
  if (!Array.isArray(points) || !points.every(isPoint) || points.length < least || points.length > most)
    return fail(
      `${place} (${name})`,
      `"points" of a ${String(kind)} must be ${least === most ? least : `${least} ${most === Infinity ? 'or more' : `to ${most}`}`} pairs of finite numbers, there is ${shown(points)}`,
    );
  return { label: name, box: rule.box(points) };
}

function hull(points: readonly Point[]): Box {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x), Math.max(y2, y)];
  return [x1, y1, x2, y2];
}

/** From its centre and a point of it. */
function aroundCircle([centre, rim]: readonly Point[]): Box {
  const [x, y] = centre!;
  const radius = Math.hypot(rim![0] - x, rim![1] - y);
  return [x - radius, y - radius, x + radius, y + radius];
}

const isPoint = (value: unknown): value is Point =>
  Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'number' && Number.isFinite(one));
