import { attention, helperLosses, type Linear, linear, mimicLoss, sinePosition } from '@kd/plugin-conditional';
import { flattenLevels } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { expectClose, oneOf, only } from '../support/index.js';
import { type BaselineCase, type Check, type Inputs, levels, type Method } from './method.js';

const sequence = (maps: readonly tf.Tensor4D[]): tf.Tensor3D => flattenLevels(maps, maps[0]!.shape[3]);

const layer = (inputs: Inputs, name: string): Linear => ({
  kernel: inputs.get(`${name}_kernel`) as tf.Tensor2D,
  bias: inputs.get(`${name}_bias`) as tf.Tensor1D,
});

/** Where a case says which cells lie in their image, its position code is that of the masks. */
const checkPositions: Check = async (inputs, _, values) => {
  const valid = levels(inputs, 'valid') as readonly tf.Tensor[] as readonly tf.Tensor3D[];
  if (valid.length === 0) return;
  const channels = inputs.get('pos')!.shape[2]!;
  const made = tf.concat(
    valid.map((map) => sinePosition(map, channels)),
    1,
  );
  expectClose(await made.data(), values('pos'), 1e-5, 'pos');
};

function mimic(inputs: Inputs, { config }: BaselineCase): Record<string, tf.Scalar> {
  const { heads, layerNormEps } = config as { heads: number; layerNormEps?: number };
  if (config['sequence'] !== undefined)
    only('sequence', config['sequence'], 'levels concatenated finest first, row-major');
  const cells = sequence(levels(inputs, 't'));
  const looked = attention(
    {
      cells,
      positions: inputs.get('pos') as tf.Tensor3D,
      padding: inputs.get('padding') as tf.Tensor2D,
      queries: inputs.get('queries') as tf.Tensor3D,
    },
    { query: layer(inputs, 'q'), key: layer(inputs, 'k'), position: layer(inputs, 'pos') },
    heads,
  );
  return {
    value: mimicLoss(
      {
        student: sequence(levels(inputs, 's')),
        values: linear(cells, layer(inputs, 'vt')),
        attention: looked,
        real: inputs.get('real') as tf.Tensor2D,
      },
      layer(inputs, 'vs'),
      {
        variant: oneOf('variant', config['variant'], ['torch', 'megengine']),
        ...(layerNormEps !== undefined && { eps: layerNormEps }),
      },
    ),
  };
}

export const conditionalMethods: Readonly<Record<string, Method>> = {
  icd: (inputs, one) => {
    if (one.config['variant'] !== 'auxiliary') {
      only('part', one.config['part'], 'mimic');
      return mimic(inputs, one);
    }
    if (one.config['part'] !== undefined) only('part', one.config['part'], 'auxiliary');
    return {
      ...helperLosses(inputs.get('pred') as tf.Tensor3D, {
        real: inputs.get('real') as tf.Tensor2D,
        unused: inputs.get('unused') as tf.Tensor2D,
        ltrb: inputs.get('ltrb') as tf.Tensor3D,
      }),
    };
  },
};

export const conditionalChecks: Readonly<Record<string, Check>> = { icd: checkPositions };
