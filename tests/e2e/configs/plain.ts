// On the page docs/writing-a-backbone.md from here on, whole.
import { API_VERSION, type BackboneStage, defineBackbone } from '@kd/core';
import { initialiseLayers, networkBuilder, strictOptions, wholeNumber } from '@kd/vision';
import { input } from '@tensorflow/tfjs-layers';
import * as v from 'valibot';

const options = strictOptions({
  /** Channels of the first stage; each stage has twice as many as the one before it. */
  width: v.optional(wholeNumber(1, 1024), 16),
});

/** Five convolutions of 3x3, each of which halves the map. */
export const plain = defineBackbone<v.InferOutput<typeof options>, v.InferInput<typeof options>>({
  name: 'plain',
  apiVersion: API_VERSION,
  options,
  trainableLayers: 5,
  create: ({ width }, { path, norm, seed }) => {
    const builder = networkBuilder();
    const images = input({ shape: [null, null, 3] });
    const stages: BackboneStage[] = [];
    for (let k = 0, x = images; k < 5; k++) {
      const name = `${path}.stage${k}`;
      const channels = width * 2 ** k;
      x = builder.conv(`${name}.conv`, x, { filters: channels, kernel: 3, stride: 2 });
      x = builder.norm(`${name}.bn`, x, norm);
      x = builder.relu(`${name}.relu`, x);
      stages.push({ name, output: x, channels, stride: 2 ** (k + 1) });
    }
    initialiseLayers(builder.layers, seed, () => ({ kernel: { kind: 'kaiming-normal-fan-out' } }));
    return {
      images,
      stages,
      layers: builder.layers,
      parts: [['stage4'], ['stage3'], ['stage2'], ['stage1'], ['stage0']], // trainableLayers: 2 trains the first two
    };
  },
});
export default plain;
