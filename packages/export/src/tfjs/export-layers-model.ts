import type { Detector } from '@kd/core';
import { input as inputOf, layers, model as modelOf, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { placeNetwork } from './layers-network.js';
import { type MapsInput, readMaps, type TfjsExport, type TfjsOptions } from './read-maps.js';
import { shardsOf } from './shards.js';
import { type StockLayers, stockLayers, topologyOf } from './stock-layers.js';

/**
 * A dense detector as a layers model of TensorFlow.js, of its own layers alone: RGB from 0 to 255, [b, h, w, 3], to the
 * maps of its head. Names of layers have no `@`: `userDefinedMetadata.outputs` says which output is `cls@p3`, ….
 * @throws KdError USAGE naming the layer that has none there
 */
export function exportLayersModel(
  detector: Detector,
  { weights = 'float32', ...options }: TfjsOptions = {},
): TfjsExport {
  const { graph, input, names, model } = readMaps(detector, options);
  const stock = stockLayers();
  try {
    const images = inputOf({ batchShape: [model.input.batch, ...input.size, 3], name: 'images' });
    const maps = placeNetwork(stock, graph, normalised(stock, images, input));
    const outputs = maps.map((map, i) =>
      stock.place(names[i]!.replace('@', '.'), (name) => layers.activation({ activation: 'linear', name }), map),
    );
    const { manifest, files } = shardsOf(stock.constants(), weights);
    const json = {
      format: 'layers-model',
      generatedBy: '@kd/export',
      convertedBy: null,
      userDefinedMetadata: { kd: model, outputs: names },
      modelTopology: topologyOf(modelOf({ inputs: images, outputs, name: 'student' })),
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
