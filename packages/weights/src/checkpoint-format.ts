import type { CheckpointFormat } from '@kd/core';
import { thread } from '#host/thread';
import { importStateDict } from './import-weights.js';
import { fetchPretrained } from '#host/fetch-published';
import { writeSafetensors } from './safetensors.js';
import { storedSettings } from './settings/stored-settings.js';
import { openWeights } from './weights-file.js';

/** Safetensors as core's checkpoint format; what torch saved is read, too. */
export const safetensorsFormat: CheckpointFormat = {
  name: 'safetensors',
  extension: '.safetensors',
  read: async (file, options) => {
    const weights = await openWeights(file, options);
    const settings = storedSettings(weights);
    const { hashed } = weights;
    return {
      tensors: weights.values,
      metadata: weights.metadata,
      ...(settings && { settings }),
      ...(hashed !== undefined && { hashed }),
    };
  },
  ...(thread !== undefined && { thread }),
  write: (file, tensors, metadata) => writeSafetensors(file, tensors, metadata),
  importForeign: importStateDict,
  pretrained: fetchPretrained,
};
