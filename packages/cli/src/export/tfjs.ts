import { KdError } from '@kd/core';
import { exportGraphModel } from '@kd/export';
import type { Format } from './format.js';
import { inputLine } from './input-line.js';

/** A folder with model.json and shards, which `loadGraphModel` of TensorFlow.js reads. */
export const tfjsGraph: Format = (detector, { out: _, outputs, layout, dtype, ...options }) => {
  if (outputs === 'detections')
    throw new KdError(
      'USAGE',
      '--detections: models of TensorFlow.js end at the maps of the head, which @kd/detect decodes. Leave it out.',
    );
  if ((layout ?? 'nhwc') !== 'nhwc' || (dtype ?? 'float32') !== 'float32')
    throw new KdError('USAGE', '--input: models of TensorFlow.js take nhwc and float32 alone. Leave it out.');
  const { files, model } = exportGraphModel(detector, options);
  return {
    content: files,
    lines: [
      inputLine(model),
      'outputs: the maps of the head by level, [n, h, w, c]; post in userDefinedMetadata.kd says how they become detections',
      ...(options.weights === 'int8' ? ['8 bits with one factor a tensor, which is what TensorFlow.js reads'] : []),
    ],
  };
};
