import { type Adapter, applyAdapter } from '@kd/core';
import {
  type ContextBlock,
  cwdLoss,
  type FbkdBlocks,
  fbkdLoss,
  fgdLoss,
  focalMasks,
  type NonLocalBlock,
} from '@kd/plugin-attention';
import { mgdLoss } from '@kd/plugin-masked';
import * as tf from '@tensorflow/tfjs-core';
import { expectClose, only } from '../support/index.js';
import { adapters, type BaselineCase, type Check, type Inputs, levels, type Method, objects } from './method.js';

/** A convolution or a linear layer of the inputs; a layer is a convolution of one cell. */
function layer(inputs: Inputs, name: string): Adapter {
  const kernel = inputs.get(`${name}_kernel`)!;
  const vector = (part: string): tf.Tensor1D | undefined => inputs.get(`${name}_${part}`) as tf.Tensor1D | undefined;
  const [bias, gamma, beta] = ['bias', 'gamma', 'beta'].map(vector);
  return {
    kernel:
      kernel.rank === 2 ? tf.reshape(kernel, [1, 1, kernel.shape[0]!, kernel.shape[1]!]) : (kernel as tf.Tensor4D),
    ...(bias && { bias }),
    ...(gamma && beta && { norm: { gamma, beta } }),
  };
}

/** Maps of both models, the student's behind its adapter where the inputs have one. */
function compared(inputs: Inputs, one: BaselineCase) {
  const { adapterFromInputs } = one.config;
  if (adapterFromInputs !== undefined) only('adapterFromInputs', adapterFromInputs, inputs.has('a0_kernel'));
  const [teachers, adapter] = [levels(inputs, 't'), adapters(inputs, one)];
  return levels(inputs, 's').map((map, i) => ({
    student: adapter[i] ? applyAdapter(map, adapter[i]) : map,
    teacher: teachers[i]!,
  }));
}

const contextBlock = (inputs: Inputs, name: string): ContextBlock => ({
  mask: layer(inputs, `${name}_mask`),
  down: layer(inputs, `${name}_down`),
  norm: {
    gamma: inputs.get(`${name}_ln_gamma`) as tf.Tensor1D,
    beta: inputs.get(`${name}_ln_beta`) as tf.Tensor1D,
  },
  up: layer(inputs, `${name}_up`),
});

const nonLocalBlock = (inputs: Inputs, name: string, pool: number): NonLocalBlock => ({
  theta: layer(inputs, `${name}_theta`),
  phi: layer(inputs, `${name}_phi`),
  g: layer(inputs, `${name}_g`),
  out: layer(inputs, `${name}_out`),
  pool,
});

const fbkdBlocks = (inputs: Inputs, i: number, pool: number): FbkdBlocks => ({
  feature: layer(inputs, `feat${i}`),
  channel: layer(inputs, `chan${i}`),
  spatial: layer(inputs, `spat${i}`),
  relation: layer(inputs, `rel${i}`),
  student: nonLocalBlock(inputs, `nls${i}`, pool),
  teacher: nonLocalBlock(inputs, `nlt${i}`, pool),
});

/** The masks that our rule makes of the boxes of a case, beside the stored ones. */
const checkMasks: Check = async (inputs, { config }, values) => {
  const masks = levels(inputs, 'fg');
  const all = objects(inputs, masks[0]!.shape[0]);
  if (all === null) return;
  for (const [i, mask] of masks.entries()) {
    const [, height, width] = mask.shape;
    const made = focalMasks(all.boxes, all.on, { imageSize: config['imageSize'] as [number, number], height, width });
    for (const [name, mask] of [
      ['fg', made.foreground],
      ['bg', made.background],
    ] as const)
      expectClose(await mask.data(), values(`${name}${i}`), 1e-7, `${name}${i}`);
  }
};

const map3 = (inputs: Inputs, name: string): tf.Tensor3D => tf.squeeze<tf.Tensor3D>(inputs.get(name)!, [3]);

export const attentionMethods: Readonly<Record<string, Method>> = {
  cwd: (inputs, one) => ({
    cwd: cwdLoss(compared(inputs, one), { temperature: one.config['temperature'] as number }),
  }),

  fbkd: (inputs, { config }) => {
    const { temperature, pools } = config as { temperature: number; pools: readonly number[] };
    const norm = inputs.has('nls0_out_gamma') ? 'batch statistics' : null;
    if (config['outNorm'] !== undefined) only('outNorm', config['outNorm'], norm);
    const [students, teachers] = [levels(inputs, 's'), levels(inputs, 't')];
    const { relation, ...terms } = fbkdLoss(
      students.map((student, i) => ({
        student,
        teacher: teachers[i]!,
        blocks: fbkdBlocks(inputs, i, pools[i]!),
      })),
      { temperature },
    );
    return { ...terms, nonlocal_: relation };
  },

  fgd: (inputs, one) => {
    return {
      ...fgdLoss(
        compared(inputs, one).map((maps, i) => ({
          ...maps,
          foreground: map3(inputs, `fg${i}`),
          background: map3(inputs, `bg${i}`),
          blocks: { student: contextBlock(inputs, `gs${i}`), teacher: contextBlock(inputs, `gt${i}`) },
        })),
        { temperature: one.config['temperature'] as number },
      ),
    };
  },

  mgd: (inputs, one) => {
    // The mask is an input: of the ratio it is said only that it was drawn with it.
    const ratio = one.config['maskRatio'] as number;
    if (!(ratio >= 0 && ratio <= 1)) throw new Error(`maskRatio ${ratio}`);
    const keep = levels(inputs, 'keep');
    return {
      generation: mgdLoss(
        compared(inputs, one).map((maps, i) => ({
          ...maps,
          keep: keep[i]!,
          generator: {
            first: { ...generatorLayer(inputs, i, 1), relu: true },
            second: generatorLayer(inputs, i, 2),
          },
        })),
      ),
    };
  },
};

export const attentionChecks: Readonly<Record<string, Check>> = { fgd: checkMasks };

const generatorLayer = (inputs: Inputs, level: number, at: 1 | 2): Adapter => ({
  kernel: inputs.get(`g${level}_kernel${at}`) as tf.Tensor4D,
  bias: inputs.get(`g${level}_bias${at}`) as tf.Tensor1D,
});
