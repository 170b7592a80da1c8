import { type Detector, type ExportedModel, KdError } from '@kd/core';
import { type ExportOptions, exportedModel } from '../exported-model.js';
import { readNetwork } from '../network/read-network.js';
import { graphDef, type GraphDef, tensorShape } from './graph-def.js';
import { type GraphMap, writeGraphNetwork } from './graph-network.js';
import { shardsOf, type TfjsStorage } from './shards.js';

export interface TfjsOptions extends Omit<ExportOptions, 'outputs' | 'layout' | 'dtype'> {
  readonly weights?: TfjsStorage;
}

export interface TfjsExport {
  /** model.json and the shards of its weights. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What it says of itself, under `userDefinedMetadata.kd`. */
  readonly model: ExportedModel;
}

/**
 * A dense detector as a graph model of TensorFlow.js: RGB from 0 to 255, [b, h, w, 3], to the maps of its head.
 * @throws KdError USAGE
 */
export function exportGraphModel(
  detector: Detector,
  { weights = 'float32', ...options }: TfjsOptions = {},
): TfjsExport {
  const { network, model } = exportedModel(detector, { ...options, outputs: 'maps' });
  const { size, batch } = model.input;
  if (size === null)
    throw new KdError(
      'USAGE',
      'models of TensorFlow.js have one size: give it by --size, such as 320x448, or export to ONNX.',
    );
  if (network.regions !== undefined)
    throw new KdError(
      'USAGE',
      `${detector.name} has two stages, and models of TensorFlow.js here end at the maps of one: export it to ONNX.`,
    );
  const names = Object.keys(network.maps).flatMap((name) =>
    network.strides.map((stride) => `${name}@p${Math.log2(stride)}`),
  );
  const def = graphDef(names);
  const shape = [batch, ...size, 3];
  const images = normalised(def, def.placeholder('images', shape), { ...model.input, size });
  const graph = readNetwork(network.images, Object.values(network.maps).flat());
  const maps = writeGraphNetwork(def, graph, images);
  const outputs = maps.map((map, i) => ({ ...map, name: def.node('Identity', [map.name], {}, names[i]) }));
  const { manifest, files } = shardsOf(def.constants, weights);
  const json = {
    format: 'graph-model',
    generatedBy: '@kd/export',
    convertedBy: null,
    signature: {
      inputs: { images: spec('images', shape) },
      outputs: Object.fromEntries(
        outputs.map(({ name, size: own, channels }) => [name, spec(name, [batch, ...own, channels])]),
      ),
    },
    userDefinedMetadata: { kd: model },
    modelTopology: { node: def.nodes, library: {}, versions: { producer: 1 } },
    weightsManifest: manifest,
  };
  return { files: new Map([['model.json', new TextEncoder().encode(JSON.stringify(json))], ...files]), model };
}

const spec = (name: string, shape: readonly (number | null)[]) => ({
  name: `${name}:0`,
  dtype: 'DT_FLOAT',
  tensorShape: tensorShape(shape),
});

/** What the network reads: normalised, and padded where the rule's size is not one that strides divide. */
function normalised(
  def: GraphDef,
  images: string,
  { size, rule }: ExportedModel['input'] & { readonly size: readonly [number, number] },
): GraphMap {
  const { mean, std, range = 1, channels, sizeDivisible } = rule;
  const unit = 255 / range;
  let x = channels === 'bgr' ? def.node('ReverseV2', [images, def.ints([3])]) : images;
  x = def.node('Mul', [
    x,
    def.floats(
      std.map((one) => 1 / (one * unit)),
      [3],
    ),
  ]);
  x = def.node(
    'AddV2',
    [
      x,
      def.floats(
        mean.map((one, i) => -one / std[i]!),
        [3],
      ),
    ],
    {},
    'normalised',
  );
  const whole = size.map((side) => Math.ceil(side / sizeDivisible) * sizeDivisible) as [number, number];
  const [down, across] = [whole[0] - size[0], whole[1] - size[1]];
  if (down > 0 || across > 0)
    x = def.node('Pad', [x, def.ints([0, 0, 0, down, 0, across, 0, 0], [4, 2])], {}, 'padded');
  return { name: x, channels: 3, size: whole };
}
