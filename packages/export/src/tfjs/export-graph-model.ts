import type { Detector } from '@kd/core';
import { graphDef, type GraphDef, tensorShape } from './graph-def.js';
import { type GraphMap, writeGraphNetwork } from './graph-network.js';
import { type MapsInput, readMaps, type TfjsExport, type TfjsOptions } from './read-maps.js';
import { shardsOf } from './shards.js';

/**
 * A detector as a graph model of TensorFlow.js: RGB from 0 to 255, [b, h, w, 3], to the maps of its head; of two
 * stages also pooled regions [n, s, s, c] to logits and deltas, for each box head.
 * @throws KdError USAGE
 */
export function exportGraphModel(
  detector: Detector,
  { weights = 'float32', ...options }: TfjsOptions = {},
): TfjsExport {
  const { graph, input, names, heads, model } = readMaps(detector, options);
  const def = graphDef([...names, ...heads.flatMap((head) => head.outputs)]);
  const shape = [model.input.batch, ...input.size, 3];
  const images = normalised(def, def.placeholder('images', shape), input);
  const maps = writeGraphNetwork(def, graph, images);
  const outputs = maps.map((map, i) => ({
    name: def.node('Identity', [map.name], {}, names[i]),
    shape: [model.input.batch, ...map.size, map.channels],
  }));
  const parts = heads.map((head) => {
    const [height, width, channels] = head.pooled;
    const name = def.placeholder(head.input, [null, height, width, channels]);
    const found = writeGraphNetwork(def, head.graph, { name, channels, size: [height, width] });
    return {
      input: spec(name, [null, ...head.pooled]),
      outputs: found.map((one, i) => ({
        name: def.node('Identity', [one.name], {}, head.outputs[i]),
        shape: [null, one.channels],
      })),
    };
  });
  const given = [...outputs, ...parts.flatMap((part) => part.outputs)];
  const { manifest, files } = shardsOf(def.constants, weights);
  const json = {
    format: 'graph-model',
    generatedBy: '@kd/export',
    convertedBy: null,
    signature: {
      inputs: {
        images: spec('images', shape),
        ...Object.fromEntries(parts.map(({ input: pooled }, i) => [heads[i]!.input, pooled])),
      },
      outputs: Object.fromEntries(given.map((one) => [one.name, spec(one.name, one.shape)])),
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
