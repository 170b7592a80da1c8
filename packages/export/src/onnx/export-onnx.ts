import type { Detector, ExportedModel, ExportedNetwork } from '@kd/core';
import { type ExportOptions, exportedModel } from '../exported-model.js';
import { mapName } from '../map-name.js';
import { readNetwork } from '../network/read-network.js';
import { onnxBuilder, type OnnxBuilder, type Storage } from './builder.js';
import { denseCandidates, type LevelMaps } from './dense-detections.js';
import { IMAGES, writeImages } from './images.js';
import { keptDetections } from './kept-detections.js';
import { modelBytes, type OnnxTensor } from './model.js';
import { type OnnxMap, writeNetwork } from './network.js';
import { regionCandidates } from './region-candidates.js';
import { readSecondStage, type SecondStage } from '../network/second-stage.js';

export interface OnnxOptions extends ExportOptions {
  /**
   * How the kernels of convolutions and linear layers are stored: whole, in half precision, or as whole numbers of 8
   * bits with a factor a channel. All is computed in float32.
   */
  readonly weights?: Storage;
}

export interface OnnxExport {
  /** The file. */
  readonly bytes: Uint8Array;
  /** What it says of itself. */
  readonly model: ExportedModel;
}

/** A detector as an ONNX file. @throws KdError USAGE */
export function exportOnnx(detector: Detector, { weights = 'float32', ...options }: OnnxOptions = {}): OnnxExport {
  const { network, model } = exportedModel(detector, options);
  const names = Object.keys(network.maps);
  const second = model.outputs === 'detections' ? readSecondStage(network, model) : null;
  const graph = readNetwork(network.images, [
    ...names.flatMap((name) => network.maps[name]!),
    ...(second?.levels ?? []),
  ]);
  const outputs =
    model.outputs === 'maps'
      ? names.flatMap((name) => network.strides.map((stride) => mapName(name, stride)))
      : RESULTS;
  const builder = onnxBuilder(weights, [IMAGES, ...outputs]);
  const images = writeImages(builder, model.input);
  const written = writeNetwork(builder, graph, images);
  const levels = network.strides.length;
  const maps: LevelMaps = Object.fromEntries(
    names.map((name, i) => [name, written.slice(i * levels, (i + 1) * levels)]),
  );
  const pooled = written.slice(names.length * levels);
  const results =
    model.outputs === 'maps'
      ? writeMaps(builder, maps, network, model)
      : writeDetections(builder, network, { maps, padded: images, second, pooled }, model);
  return { bytes: modelBytes(builder, [imagesInput(model)], results, model), model };
}

const RESULTS = ['boxes', 'scores', 'labels', 'image'] as const;

const batchAxis = ({ input }: ExportedModel): number | string => input.batch ?? 'batch';

function imagesInput(model: ExportedModel): OnnxTensor {
  const { layout, dtype, size } = model.input;
  const [height, width] = size ?? ['height', 'width'];
  const axes = layout === 'nhwc' ? [height, width, 3] : [3, height, width];
  return { name: IMAGES, axes: [batchAxis(model), ...axes], type: dtype };
}

/** The maps as they lie in the detector, [b, h, w, c]. */
function writeMaps(
  b: OnnxBuilder,
  maps: LevelMaps,
  { strides }: ExportedNetwork,
  model: ExportedModel,
): readonly OnnxTensor[] {
  return Object.entries(maps).flatMap(([name, levels]) =>
    levels.map((map: OnnxMap, level) => {
      const own = mapName(name, strides[level]!);
      b.output(own, b.node('Transpose', [map.name], { perm: [0, 2, 3, 1] }));
      const size = map.size ?? [`height_p${level}`, `width_p${level}`];
      return { name: own, axes: [batchAxis(model), ...size, map.channels] };
    }),
  );
}

interface Written {
  readonly maps: LevelMaps;
  /** What the network reads. */
  readonly padded: OnnxMap;
  readonly second: SecondStage | null;
  /** The levels that a second stage reads. */
  readonly pooled: readonly OnnxMap[];
}

function writeDetections(
  b: OnnxBuilder,
  { detections }: ExportedNetwork,
  { maps, padded, second, pooled }: Written,
  { input }: ExportedModel,
): readonly OnnxTensor[] {
  const images = { ...padded, size: input.size };
  const kept =
    detections?.kind === 'dense'
      ? keptDetections(b, denseCandidates(b, maps, detections, padded), images, {
          ...detections,
          ...(detections.flavour === 'mmdet' && { minSide: 0, minSideInclusive: false }),
        })
      : keptDetections(
          b,
          regionCandidates(b, second!, { maps, levels: pooled, padded, images }),
          images,
          second!.detections,
        );
  const single = input.batch === 1;
  for (const name of RESULTS) if (name !== 'image' || !single) b.output(name, kept[name]);
  return [
    { name: 'boxes', axes: ['n', 4] },
    { name: 'scores', axes: ['n'] },
    { name: 'labels', axes: ['n'], type: 'int64' },
    ...(single ? [] : [{ name: 'image', axes: ['n'], type: 'int64' } as const]),
  ];
}
