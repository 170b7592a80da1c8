import type { Detector } from '@kd/core';
import { graphDef, type GraphDef, tensorShape } from './graph-def.js';
import { type GraphMap, writeGraphNetwork } from './graph-network.js';
import { type MapsInput, readMaps, type TfjsExport, type TfjsOptions } from './read-maps.js';
import { shardsOf } from './shards.js';

/**
 * A dense detector as a graph model of TensorFlow.js: RGB from 0 to 255, [b, h, w, 3], to the maps of its head.
 * @throws KdError USAGE
 */
export function exportGraphModel(
  detector: Detector,
  { weights = 'float32', ...options }: TfjsOptions = {},
): TfjsExport {
  const { graph, input, names, model } = readMaps(detector, options);
  const def = graphDef(names);
  const shape = [model.input.batch, ...input.size, 3];
  const images = normalised(def, def.placeholder('images', shape), input);
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
        outputs.map(({ name, size: own, channels }) => [name, spec(name, [model.input.batch, ...own, channels])]),
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
function normalised(def: GraphDef, images: string, { size, bgr, scale, shift, down, across }: MapsInput): GraphMap {
  let x = bgr ? def.node('ReverseV2', [images, def.ints([3])]) : images;
  x = def.node('Mul', [x, def.floats(scale, [3])]);
  x = def.node('AddV2', [x, def.floats(shift, [3])], {}, 'normalised');
  if (down > 0 || across > 0)
    x = def.node('Pad', [x, def.ints([0, 0, 0, down, 0, across, 0, 0], [4, 2])], {}, 'padded');
  return { name: x, channels: 3, size: [size[0] + down, size[1] + across] };
}
