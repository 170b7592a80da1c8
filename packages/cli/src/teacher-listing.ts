import type { Inspection } from '@kd/teacher-onnx';
import type { TfjsInspection } from '@kd/teacher-tfjs';

/** What stands in a file that may be a teacher, and how a config would name it. */
export interface Listing {
  readonly kind: 'onnx' | 'tfjs';
  readonly file: string;
  /** What made it. */
  readonly from: string;
  /** Its input, in words. */
  readonly input: string;
  readonly size: readonly [number, number];
  readonly notes: readonly string[];
  readonly maps: readonly ListedRow[];
  readonly config: { readonly model: string; readonly input: object; readonly taps: Readonly<Record<string, string>> };
}

interface ListedRow {
  readonly fits: boolean;
  readonly tensor: string;
  readonly layout: string;
  readonly channels: number;
  readonly stride: number;
  readonly height: number;
  readonly width: number;
  readonly op: string;
}

export function onnxListing({ file, producer, opset, input, size, notes, maps }: Inspection): Listing {
  const channels = input.layout === 'NCHW' ? [3, input.height, input.width] : [input.height, input.width, 3];
  return {
    ...{ kind: 'onnx', file, size, notes },
    from: `${producer === '' ? 'an unknown program' : producer}, opset ${opset}`,
    input: `${input.name}: ${input.dtype} ${shapeWords([input.batch, ...channels])} ${input.layout}`,
    maps: maps.map((map) => ({ ...map, layout: map.skip === 0 ? map.layout : `${map.layout} behind ${map.skip}` })),
    config: {
      model: file,
      input: {
        ...sizeOf(input, size),
        ...(input.dtype === 'uint8' ? { range: 255, mean: [0, 0, 0], std: [1, 1, 1] } : IMAGENET),
        ...(input.layout === 'NHWC' ? { layout: 'nhwc' } : {}),
      },
      taps: tapsOf(maps),
    },
  };
}

export function tfjsListing({ file, kind, input, layout, size, maps }: TfjsInspection): Listing {
  const [height, width] = layout === 'nchw' ? [input[2], input[3]] : [input[1], input[2]];
  const rows = maps.map((map) => ({ ...map, tensor: map.name, layout: layout.toUpperCase(), op: '' }));
  return {
    ...{ kind: 'tfjs', file, size, notes: [], maps: rows },
    from: `TensorFlow.js, a ${kind} model`,
    input: `${shapeWords(input)} ${layout.toUpperCase()}`,
    config: {
      model: file,
      input: {
        ...sizeOf({ height: height ?? null, width: width ?? null }, size),
        ...IMAGENET,
        ...(layout === 'nchw' ? { layout } : {}),
      },
      taps: tapsOf(rows),
    },
  };
}

/** How a network was trained is nowhere in its file: mean and std are ImageNet's. */
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const shapeWords = (axes: readonly (number | null)[]): string => `[${axes.map((one) => one ?? '?').join(', ')}]`;

const sizeOf = (
  { height, width }: { readonly height: number | null; readonly width: number | null },
  size: readonly [number, number],
): object => (height === null && width === null ? { minSize: 320, maxSize: 533 } : { fixedSize: size });

const tapsOf = (maps: readonly Pick<ListedRow, 'fits' | 'stride' | 'tensor'>[]): Readonly<Record<string, string>> =>
  Object.fromEntries(maps.filter(({ fits }) => fits).map(({ stride, tensor }) => [tapName(stride), tensor]));

/** As papers call the outputs of stages: c3 has a stride of 8. */
const tapName = (stride: number): string =>
  Number.isInteger(Math.log2(stride)) ? `c${Math.log2(stride)}` : `stride${stride}`;
