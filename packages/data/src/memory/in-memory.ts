import { checkMembers, KdError, shown, suggestion, type Annotation, type ImageRecord } from '@kd/core/plain';
import { createDataset, type DataSource, type ReadDataset } from '../dataset.js';
import type { HostImage } from '../decode/image.js';
import { areaOf, type Box, correctBox, noted } from '../read/box-rule.js';
import type { Correction } from '../read/correction.js';

/** A picture with what is on it. */
export interface MemoryPicture {
  /** Upright, [height, width, 3], or [height, width, 4] as a canvas gives it (`ImageData`): its alpha is left out. */
  readonly image: { readonly data: Uint8Array | Uint8ClampedArray; readonly width: number; readonly height: number };
  readonly objects: readonly {
    readonly class: string;
    /** [x1, y1, x2, y2] in pixels, 0-based and continuous. */
    readonly box: Box;
    /** An ignore region in evaluation, no target in training. */
    readonly ignore?: boolean;
  }[];
  /** By which messages name it; default: its number. */
  readonly name?: string;
}

export interface MemoryOptions {
  /** In the order of the labels. */
  readonly classes: readonly string[];
  readonly pictures: readonly MemoryPicture[];
  readonly name?: string;
}

/**
 * A data set of pictures that are in memory already: pixels of a canvas in a browser, or of any program. They must not
 * change while they are trained on.
 * @throws KdError, when it is opened, DATA_INVALID naming picture and object
 */
export function inMemory(options: MemoryOptions): DataSource {
  checkMembers(options, { classes: 'list', pictures: 'list' }, 'the options of inMemory', 'USAGE');
  const name = options.name ?? 'pictures in memory';
  return {
    name,
    spec: { format: 'memory', name, pictures: options.pictures.length },
    open: async ({ classes }) => open(name, options, classes),
  };
}

/** @param wanted names in the order that labels are wanted in */
function open(name: string, { classes, pictures }: MemoryOptions, wanted?: readonly string[]): ReadDataset {
  if (classes.length === 0 || new Set(classes).size < classes.length)
    throw new KdError('DATA_INVALID', `${name}: "classes" must list at least one class, and each only once.`);
  const same = wanted?.length === classes.length && wanted.every((one) => classes.includes(one));
  const names = same ? wanted : classes;
  const report: Correction[] = [];
  const pixels = new Map<string, HostImage>();
  let id = 0;
  const images = pictures.map((picture, i): ImageRecord => {
    checkMembers(picture, { image: 'object', objects: 'list' }, `${name}: picture ${i + 1}`, 'USAGE');
    const file = picture.name ?? String(i + 1);
    if (pixels.has(file)) throw new KdError('DATA_INVALID', `${name}: two pictures are called ${shown(file)}.`);
    pixels.set(file, pixelsOf(picture, `${name}: picture ${file}`));
    const { width, height } = picture.image;
    const annotations = picture.objects.flatMap((object, place): Annotation[] => {
      const at = `${name}: picture ${file}, object ${place + 1}`;
      const label = labelOf(object.class, names, at);
      const box = noted(
        report,
        { file, annotation: place + 1 },
        at,
        correctBox(numbers(object.box, at), width, height),
      );
      return box === null ? [] : [{ id: ++id, box, label, area: areaOf(box), ignore: object.ignore ?? false }];
    });
    return { id: i + 1, file, width, height, annotations };
  });
  const categories = names.map((one, label) => ({ id: label + 1, name: one }));
  return createDataset({ name, categories, images, report, pixels: { kind: 'memory', pictures: pixels } });
}

function pixelsOf({ image }: MemoryPicture, at: string): HostImage {
  checkMembers(image, { data: 'object', width: 'number', height: 'number' }, `the image of ${at}`, 'USAGE');
  const { data, width, height } = image;
  const channels = data.length / (width * height);
  if (channels === 3) return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height };
  if (channels !== 4)
    throw new KdError(
      'DATA_INVALID',
      `${at}: ${data.length} bytes are no image of ${width}x${height}; it has 3 bytes a pixel (RGB) or 4 (RGBA, as ImageData).`,
    );
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from++) if (from % 4 !== 3) rgb[to++] = data[from]!;
  return { data: rgb, width, height };
}

function labelOf(name: string, classes: readonly string[], at: string): number {
  const label = classes.indexOf(name);
  if (label >= 0) return label;
  const hint = suggestion(name, classes);
  throw new KdError(
    'DATA_INVALID',
    `${at}: there is no class ${shown(name)}${hint === '' ? '' : ` (${hint})`}; the classes are ${classes.join(', ')}.`,
  );
}

function numbers(box: Box, at: string): Box {
  if (Array.isArray(box) && box.length === 4 && box.every(Number.isFinite)) return box;
  throw new KdError('DATA_INVALID', `${at}: the box must be four numbers [x1, y1, x2, y2], not ${shown(box)}.`);
}
