import type { Detector } from '@kd/core';
import { input as inputOf, layers, model as modelOf, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { placeNetwork } from './layers-network.js';
import { type MapsInput, readMaps, type TfjsExport, type TfjsOptions } from './read-maps.js';
import { shardsOf } from './shards.js';
import { type StockLayers, stockLayers, topologyOf } from './stock-layers.js';

/**
 * A detector as a layers model of TensorFlow.js, of its own layers alone: RGB from 0 to 255, [b, h, w, 3], to the maps
 * of its head; of two stages also pooled regions [n, s, s, c] to logits and deltas, for each box head. Names of layers
 * have no `@`: `userDefinedMetadata.outputs` says which output is `cls@p3`, ….
 * @throws KdError USAGE naming the layer that has none there
 */
export function exportLayersModel(
  detector: Detector,
  { weights = 'float32', ...options }: TfjsOptions = {},
): TfjsExport {
  const { graph, input, names, heads, model } = readMaps(detector, options);
  const stock = stockLayers();
  try {
    const images = inputOf({ batchShape: [model.input.batch, ...input.size, 3], name: 'images' });
    const maps = placeNetwork(stock, graph, normalised(stock, images, input));
    const named = (map: SymbolicTensor, wanted: string): SymbolicTensor =>
      stock.place(wanted.replace('@', '.'), (name) => layers.activation({ activation: 'linear', name }), map);
    const parts = heads.map((head) => {
      const pooled = inputOf({ batchShape: [null, ...head.pooled], name: head.input.replace('@', '.') });
      const found = placeNetwork(stock, head.graph, pooled);
      return { pooled, outputs: found.map((one, i) => named(one, head.outputs[i]!)) };
    });
    const inputs = [images, ...parts.map(({ pooled }) => pooled)];
    const outputs = [...maps.map((map, i) => named(map, names[i]!)), ...parts.flatMap((part) => part.outputs)];
    const { manifest, files } = shardsOf(stock.constants(), weights);
    const json = {
      format: 'layers-model',
      generatedBy: '@kd/export',
      convertedBy: null,
      userDefinedMetadata: { kd: model, outputs: [...names, ...heads.flatMap((head) => head.outputs)] },
      modelTopology: topologyOf(modelOf({ inputs, outputs, name: 'student' })),
      weightsManifest: manifest,
    };
    return { files: new Map([['model.json', new TextEncoder().encode(JSON.stringify(json))], ...files]), model };
  } finally {
    stock.dispose();
  }
}

/** What the network reads: a convolution of one cell, and zeros behind it. */
function normalised(stock: StockLayers, images: SymbolicTensor, input: MapsInput): SymbolicTensor {
  const { bgr, scale, shift, down, across } = input;
  const data = new Float32Array(9);
  scale.forEach((factor, out) => (data[3 * (bgr ? 2 - out : out) + out] = factor));
  const x = stock.weighted(
    images,
    {
      kernel: { name: 'normalised', data, kernel: false },
      bias: { name: 'normalised.bias', data: Float32Array.from(shift) },
    },
    '',
    (given) => layers.conv2d({ ...given, filters: 3, kernelSize: 1 }),
  );
  if (down === 0 && across === 0) return x;
  const padding: [[number, number], [number, number]] = [
    [0, down],
    [0, across],
  ];
  return stock.place('padded', (name) => layers.zeroPadding2d({ padding, name }), x);
}
