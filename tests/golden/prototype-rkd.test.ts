import { rkdLoss } from '@kd/plugin-logits';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe } from 'vitest';
import { compare, opened, type Opened, type PrototypeCase } from './prototype/case.js';
import { startEngine } from './support/engine.js';
import { casesOf, describeGolden, goldenTest, readWhole, scoped, touching } from './support/index.js';

/** Loss of one kind of relation, weighted as in the method, and its gradient. */
function relation({ input, number }: Opened, part: 'distance' | 'angle'): { value: tf.Scalar; grad: tf.Tensor } {
  const weight = number('factor') * number('attenuation') * (part === 'angle' ? number('angleFactor') : 1);
  return tf.valueAndGrad(
    touching((x) => tf.mul<tf.Scalar>(rkdLoss(x as tf.Tensor2D, input('teacher'), { least: 2 })[part], weight)),
  )(input('student')) as { value: tf.Scalar; grad: tf.Tensor };
}

describeGolden('prototype', (area) => {
  // The engine may have to set its library up first.
  beforeAll(async () => void (await startEngine()));

  describe('relations of instances', () => {
    for (const one of casesOf<PrototypeCase>(area).filter(({ kind }) => kind === 'rkd')) {
      goldenTest('prototype', one.kind, one.id, () =>
        readWhole(
          one,
          async (one) => {
            const tensors = await area.tensors(one.file);
            await scoped(async () => {
              const of = opened(one, tensors);
              of.only({ smoothL1Beta: 1 });
              const [distance, angle] = [relation(of, 'distance'), relation(of, 'angle')];
              await compare(of, {
                distance: distance.value,
                gradDistance: distance.grad,
                angle: angle.value,
                gradAngle: angle.grad,
              });
            });
          },
          ['tolerance'],
        ),
      );
    }
  });
});
