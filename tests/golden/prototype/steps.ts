import { applyAdapter } from '@kd/core';
import {
  describeLevel,
  type GlobalOptions,
  type Level,
  type LevelDescription,
  levelFeature,
  levelGlobal,
  type LevelPrototypes,
  ofOwnLevel,
  regionWeights,
  responseLoss,
} from '@kd/plugin-prototype';
import { objectLevel, roiAlignLevels } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { Computed, Opened } from './case.js';
import { prototypeLabels } from './functions.js';
import { type InstanceTable, instanceTable } from './instances.js';
import { touching } from '../support/index.js';

const GLOBAL: GlobalOptions = { coefficients: 'cosine', pursuitSimilarity: 0, scope: 'all', kind: 'smooth-l1' };

/**
 * What a case differentiates by: maps, kernels and biases of every level, then the student's logits where they are an
 * input.
 */
interface Inputs {
  readonly maps: readonly tf.Tensor4D[];
  readonly kernels: readonly tf.Tensor4D[];
  readonly biases: readonly tf.Tensor1D[];
  readonly logits?: tf.Tensor2D;
}

interface Step {
  readonly described: readonly LevelDescription[];
  readonly foreground: readonly tf.Scalar[];
  readonly background: readonly tf.Scalar[];
  readonly global: readonly tf.Scalar[];
}

/** What the case tells of what is fixed here, or follows from something else. */
function checkFixed({ one, only, number, input }: Opened): void {
  only({
    smoothL1Beta: 1,
    adapterPadding: 'same',
    K: 'see offsets',
    attenuation: 1 - number('epoch') / number('epochs'),
  });
  const [height, width] = [number('imageHeight'), number('imageWidth')];
  (one.params['strides'] as readonly number[]).forEach((stride, level) => {
    const [, h, w] = input(`student${level}`).shape;
    if (h !== Math.ceil(height / stride) || w !== Math.ceil(width / stride))
      throw new Error(`level ${level} is ${h} x ${w}, which is no map of ${height} x ${width} at stride ${stride}`);
  });
}

const strides = ({ one }: Opened): readonly number[] => one.params['strides'] as readonly number[];

function prototypesOf({ input, values }: Opened, level: number): LevelPrototypes {
  const offsets = values('offsets');
  return {
    teacher: input(`protoTeacher${level}`),
    student: input(`protoStudent${level}`),
    labels: prototypeLabels(offsets),
    offsets,
  };
}

/** Weights, feature and global losses of every level, with their factors. */
function levelLosses(of: Opened, { maps, kernels, biases }: Inputs, objects: InstanceTable): Step {
  const levels = strides(of).map(
    (stride, i): Level => ({
      student: maps[i]!,
      teacher: of.input(`teacher${i}`),
      stride,
      prototypes: prototypesOf(of, i),
    }),
  );
  const described = levels.map((level) => describeLevel(level, objects));
  const fade = of.number('attenuation');
  const features = levels.map((level, index) => {
    const student = applyAdapter(level.student, {
      kernel: kernels[index]!,
      bias: biases[index]!,
      relu: of.one.params['adapterRelu'] === true,
    });
    return levelFeature({ ...level, student }, objects, described[index]!.weights, { index, levels: levels.length });
  });
  const factor = of.number('pointWeight') * fade;
  return {
    described,
    foreground: features.map(({ foreground }) => tf.mul(foreground, of.number('fgWeight') * factor)),
    background: features.map(({ background }) => tf.mul(background, of.number('bgWeight') * factor)),
    global: levels.map((level, i) =>
      tf.mul(levelGlobal(described[i]!, level, objects, GLOBAL), of.number('factor') * fade),
    ),
  };
}

const sum = (scalars: readonly tf.Scalar[]): tf.Scalar => scalars.reduce((total, one) => tf.add(total, one));

function levelInputs(of: Opened): Inputs {
  const all = <T extends tf.Tensor>(name: string): T[] => strides(of).map((_, level) => of.input<T>(`${name}${level}`));
  return { maps: all('student'), kernels: all('kernel'), biases: all('bias') };
}

/** The gradients of the total by the names of the case. */
function gradients(inputs: Inputs, total: (inputs: Inputs) => tf.Scalar): Record<string, tf.Tensor> {
  const { maps, kernels, biases, logits } = inputs;
  const n = maps.length;
  const made = tf.grads(
    touching((...all) =>
      total({
        maps: all.slice(0, n) as tf.Tensor4D[],
        kernels: all.slice(n, 2 * n) as tf.Tensor4D[],
        biases: all.slice(2 * n, 3 * n) as tf.Tensor1D[],
        ...(logits && { logits: all[3 * n] as tf.Tensor2D }),
      }),
    ),
  )([...maps, ...kernels, ...biases, ...(logits ? [logits] : [])]);
  return {
    ...Object.fromEntries(
      ['Student', 'Kernel', 'Bias'].flatMap((name, part) =>
        maps.map((_, level) => [`grad${name}${level}`, made[part * n + level]!]),
      ),
    ),
    ...(logits && { gradLogits: made[3 * n]! }),
  };
}

function common(
  { described, foreground, background, global }: Step,
  { list }: InstanceTable,
): Record<string, tf.Tensor> {
  return {
    ...Object.fromEntries(described.map(({ weights }, level) => [`weights${level}`, list(weights)])),
    foreground: tf.stack([...foreground]),
    background: tf.stack([...background]),
    global: tf.stack([...global]),
  };
}

export function oneStage(of: Opened): Computed {
  checkFixed(of);
  const objects = instanceTable(of.input('boxes'), of.values('boxes'), of.number('images'), of.input('labels'));
  const inputs: Inputs = { ...levelInputs(of), logits: of.input('logitsStudent') };
  const own = objectLevel<tf.Tensor2D>(objects.boxes, { levels: strides(of).length, finest: of.number('finestScale') });
  const run = (at: Inputs) => {
    const step = levelLosses(of, at, objects);
    const weights = objects.list<tf.Tensor1D>(
      ofOwnLevel(
        step.described.map((level) => level.weights),
        own,
      ),
    );
    const response = tf.mul(
      responseLoss(at.logits!, of.input('logitsTeacher'), { temperature: of.number('temperature'), weights }),
      of.number('responseFactor'),
    );
    return {
      step,
      weights,
      response,
      total: tf.add(sum([...step.foreground, ...step.background, ...step.global]), response) as tf.Scalar,
    };
  };
  const { step, weights, response, total } = run(inputs);
  return {
    ...common(step, objects),
    ...gradients(inputs, (at) => run(at).total),
    ownLevel: objects.list(own),
    responseWeights: weights,
    response,
    total,
  };
}

export function twoStage(of: Opened): Computed {
  checkFixed(of);
  const objects = instanceTable(of.input('boxes'), of.values('boxes'), of.number('images'), of.input('labels'));
  const inputs = levelInputs(of);
  const count = of.number('roiLevels');
  const levels = objectLevel<tf.Tensor2D>(objects.boxes, {
    levels: count,
    finest: of.number('finestScale'),
    sides: 'plain',
  });
  const scales = strides(of)
    .slice(0, count)
    .map((stride) => 1 / stride);
  const options = {
    outputSize: of.number('roiOutputSize'),
    samplingRatio: of.number('samplingRatio'),
    aligned: of.one.params['aligned'] === true,
  };
  const head = (who: 'Student' | 'Teacher', maps: readonly tf.Tensor4D[]) => {
    const features = roiAlignLevels(maps.slice(0, count), objects.boxes, () => levels, scales, options);
    const rows = objects.list<tf.Tensor>(features);
    const hidden = tf.relu(
      tf.add(
        tf.matMul<tf.Tensor2D>(tf.reshape(rows, [rows.shape[0], -1]), of.input(`fc1${who}`)),
        of.input(`fc1Bias${who}`),
      ),
    ) as tf.Tensor2D;
    return {
      features,
      rows,
      logits: tf.add(tf.matMul<tf.Tensor2D>(hidden, of.input(`fc2${who}`)), of.input(`fc2Bias${who}`)) as tf.Tensor2D,
    };
  };
  const taught = head(
    'Teacher',
    strides(of).map((_, level) => of.input(`teacher${level}`)),
  );
  const run = (at: Inputs) => {
    const step = levelLosses(of, at, objects);
    const own = head('Student', at.maps);
    const weights = objects.list<tf.Tensor1D>(
      regionWeights(
        { student: own.features, teacher: taught.features },
        levels,
        objects.labels,
        strides(of).map((_, level) => prototypesOf(of, level)),
      ),
    );
    const response = tf.mul(
      responseLoss(own.logits, taught.logits, { temperature: of.number('temperature'), weights }),
      of.number('responseFactor'),
    ) as tf.Scalar;
    const mean = (parts: readonly tf.Scalar[]): tf.Scalar => tf.div(sum(parts), parts.length) as tf.Scalar;
    return {
      step,
      own,
      weights,
      response,
      total: sum([mean(step.foreground), mean(step.background), ...step.global, response]),
    };
  };
  const { step, own, weights, response, total } = run(inputs);
  return {
    ...common(step, objects),
    ...gradients(inputs, (at) => run(at).total),
    roiLevel: objects.list(levels),
    responseWeights: weights,
    response,
    total,
    roiFeatStudent: own.rows,
    logitsStudent: own.logits,
    roiFeatTeacher: taught.rows,
    logitsTeacher: taught.logits,
  };
}
