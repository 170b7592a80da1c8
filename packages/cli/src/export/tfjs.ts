import { KdError } from '@kd/core';
import { exportGraphModel, exportLayersModel } from '@kd/export';
import type { Format } from './format.js';
import { inputLine } from './input-line.js';

type Write = typeof exportGraphModel;

/** A folder with model.json and shards, which `loadGraphModel` of TensorFlow.js reads. */
export const tfjsGraph: Format = (...asked) => written(exportGraphModel, 'of their names', ...asked);

/** The same of layers of TensorFlow.js alone, which `loadLayersModel` reads. */
export const tfjsLayers: Format = (...asked) =>
  written(exportLayersModel, 'in the order of userDefinedMetadata.outputs', ...asked);

function written(write: Write, order: string, ...[detector, asked]: Parameters<Format>): ReturnType<Format> {
  const { out: _, outputs, layout, dtype, ...options } = asked;
  if (outputs === 'detections')
    throw new KdError(
      'USAGE',
      '--detections: models of TensorFlow.js end at the maps of the head, which @kd/detect decodes. Leave it out.',
    );
  if ((layout ?? 'nhwc') !== 'nhwc' || (dtype ?? 'float32') !== 'float32')
    throw new KdError('USAGE', '--input: models of TensorFlow.js take nhwc and float32 alone. Leave it out.');
  const { files, model } = write(detector, options);
  return {
    content: files,
    lines: [
      inputLine(model, detector, '--size takes another size'),
      `outputs: the maps of the head by level, [n, h, w, c], ${order}; post in userDefinedMetadata.kd says how they become detections`,
      ...(options.weights === 'int8' ? ['8 bits with one factor a tensor, which is what TensorFlow.js reads'] : []),
    ],
  };
}
