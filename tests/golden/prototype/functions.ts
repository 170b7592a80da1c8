import { applyAdapter } from '@kd/core';
import { cosines, featureLoss, globalLoss, pursuitCoefficients, reliability, responseLoss } from '@kd/plugin-prototype';
import { cropPool, objectLevel, objectMask, roiAlign } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { Computed, Opened } from './case.js';
import { instanceTable } from './instances.js';
import { touching } from '../support/index.js';

/** Class of every prototype, [p] int32, from the offsets of the classes. */
export const prototypeLabels = (offsets: ArrayLike<number>): tf.Tensor1D =>
  tf.tensor1d(
    Array.from({ length: offsets[offsets.length - 1]! }, (_, row) =>
      Array.from(offsets).findLastIndex((first) => first <= row),
    ),
    'int32',
  );

export function coefficients({ input, values, number, only }: Opened): Computed {
  const [teacher, student] = [input<tf.Tensor2D>('teacher'), input<tf.Tensor2D>('student')];
  const prototypes = { teacher: input<tf.Tensor2D>('protoTeacher'), student: input<tf.Tensor2D>('protoStudent') };
  const [labels, offsets] = [input<tf.Tensor1D>('labels'), values('offsets')];
  only({ smoothL1Beta: 1, clampWeights: true, emptyClassWeight: 1, classes: offsets.length - 1 });
  const cosine = (own: tf.Tensor2D) => ({
    teacher: cosines(teacher, prototypes.teacher),
    student: cosines(own, prototypes.student),
  });
  const weightsOf = (pair: ReturnType<typeof cosine>): tf.Tensor1D =>
    reliability(pair, labels, prototypeLabels(offsets));
  const pursuit = (own: tf.Tensor2D, similarity: number) =>
    pursuitCoefficients({ teacher, student: own }, prototypes, labels, { offsets, similarity });
  const factor = number('factor') * number('attenuation');
  const losses: Record<string, (own: tf.Tensor2D) => tf.Scalar> = {
    globalLoss: (own) => globalLoss(cosine(own), weightsOf(cosine(own))),
    globalLossL2: (own) => globalLoss(cosine(own), weightsOf(cosine(own)), { kind: 'l2' }),
    pursuitLossL2: (own) => globalLoss(pursuit(own, number('lambdaDecoupled')), weightsOf(cosine(own)), { kind: 'l2' }),
  };
  const computed: Record<string, tf.Tensor> = {};
  for (const [name, loss] of Object.entries(losses)) {
    const { value, grad } = tf.valueAndGrad(touching((own) => tf.mul(loss(own as tf.Tensor2D), factor)))(student);
    Object.assign(computed, { [name]: value, [`${name}GradStudent`]: grad });
  }
  const [coupled, decoupled] = [pursuit(student, number('lambdaCoupled')), pursuit(student, number('lambdaDecoupled'))];
  return {
    ...computed,
    cosTeacher: cosine(student).teacher,
    cosStudent: cosine(student).student,
    weights: weightsOf(cosine(student)),
    pursuitTeacherCoupled: coupled.teacher,
    pursuitStudentCoupled: coupled.student,
    pursuitTeacherDecoupled: decoupled.teacher,
    pursuitStudentDecoupled: decoupled.student,
  };
}

export function regions({ input, values: stored, number, one }: Opened): Computed {
  const strides = one.params['strides'] as readonly number[];
  const { boxes, mask, spread, list } = instanceTable(input('boxes'), stored('boxes'), number('images'));
  const values = spread<tf.Tensor2D>(input('weights'));
  const [levels, finest] = [strides.length, number('finestScale')];
  const own = objectLevel<tf.Tensor2D>(boxes, { levels, finest });
  const computed: Record<string, tf.Tensor> = {
    maskLevel: list(own),
    roiLevel: list(objectLevel(boxes, { levels, finest, sides: 'plain' })),
  };
  strides.forEach((stride, level) => {
    const map = input<tf.Tensor4D>(`map${level}`);
    const on = tf.mul(mask, tf.cast(tf.equal(own, level), 'float32')) as tf.Tensor2D;
    const size = { stride, height: map.shape[1], width: map.shape[2] };
    Object.assign(computed, {
      [`pooledTrain${level}`]: list(cropPool(map, boxes, stride)),
      [`pooledBank${level}`]: list(cropPool(map, boxes, { input: [number('imageHeight'), number('imageWidth')] })),
      [`maskBinary${level}`]: objectMask(boxes, on, size),
      [`maskWeighted${level}`]: objectMask(boxes, on, { ...size, values }),
    });
  });
  return computed;
}

export function feature({ input, number, one, only }: Opened): Computed {
  const teacher = input<tf.Tensor4D>('teacher');
  const inputs = [input<tf.Tensor4D>('student'), input<tf.Tensor4D>('kernel'), input<tf.Tensor1D>('bias')] as const;
  const adapt = (student: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor): tf.Tensor4D =>
    applyAdapter(student as tf.Tensor4D, {
      kernel: kernel as tf.Tensor4D,
      bias: bias as tf.Tensor1D,
      relu: one.params['adapterRelu'] === true,
    });
  only({ kernelSize: inputs[1].shape[0], padding: 'same' });
  const computed: Record<string, tf.Tensor> = { adapted: adapt(...inputs) };
  const weighted = input<tf.Tensor3D>('mask');
  for (const [tag, mask] of [
    ['Weighted', weighted],
    ['Binary', tf.cast(tf.greater(weighted, 0), 'float32') as tf.Tensor3D],
  ] as const) {
    const parts = (map: tf.Tensor4D): readonly [tf.Scalar, tf.Scalar] => {
      const { foreground, background } = featureLoss(map, teacher, mask);
      const factor = number('attenuation') * number('pointWeight');
      return [tf.mul(foreground, number('fgWeight') * factor), tf.mul(background, number('bgWeight') * factor)];
    };
    const total = (map: tf.Tensor4D): tf.Scalar => tf.add(...parts(map));
    const [student, kernel, bias] = tf.grads(touching((...all) => total(adapt(all[0]!, all[1]!, all[2]!))))([
      ...inputs,
    ]);
    const [fg, bg] = parts(computed['adapted'] as tf.Tensor4D);
    Object.assign(computed, {
      [`fg${tag}`]: fg,
      [`bg${tag}`]: bg,
      [`gradStudent${tag}`]: student,
      [`gradKernel${tag}`]: kernel,
      [`gradBias${tag}`]: bias,
      [`gradAdapted${tag}`]: tf.grad(touching((map) => total(map as tf.Tensor4D)))(computed['adapted']!),
    });
  }
  return computed;
}

export function response({ input, number }: Opened): Computed {
  const [student, teacher] = [input<tf.Tensor2D>('student'), input<tf.Tensor2D>('teacher')];
  const run = (weights?: tf.Tensor1D) =>
    tf.valueAndGrad(
      touching((own) =>
        tf.mul(
          responseLoss(own as tf.Tensor2D, teacher, {
            temperature: number('temperature'),
            ...(weights && { weights }),
          }),
          number('factor'),
        ),
      ),
    )(student);
  const [weighted, plain] = [run(input('weights')), run()];
  return { lossWeighted: weighted.value, gradWeighted: weighted.grad, lossPlain: plain.value, gradPlain: plain.grad };
}

export function roialign({ input, values, number, one, only }: Opened): Computed {
  only({ mode: 'avg' });
  const map = input<tf.Tensor4D>('map');
  const { boxes, list } = instanceTable(input('rois'), values('rois'), map.shape[0]);
  const options = {
    outputSize: number('outputSize'),
    scale: 1 / number('stride'),
    samplingRatio: number('samplingRatio'),
    aligned: one.params['aligned'] === true,
  };
  const pooled = (x: tf.Tensor): tf.Tensor => list(roiAlign(x as tf.Tensor4D, boxes, options));
  return { output: pooled(map), gradMap: tf.grad(touching((x) => tf.sum(tf.mul(pooled(x!), input('upstream')))))(map) };
}
