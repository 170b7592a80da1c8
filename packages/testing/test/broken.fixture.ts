import {
  type Backbone,
  defineBackbone,
  defineDetector,
  definePlugin,
  type Detector,
  type Hooks,
  type PluginScope,
  type StepView,
  type TapPair,
} from '@kd/core';
import { testBackbone, testDetector, testPlugin, toyDetector } from '@kd/testing';
import { type ResnetShape, resnet } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

// Each of these breaks the contract in one way; suites.test.ts holds which test of the suite has to fail.

type Parts = { readonly scope: PluginScope; readonly loss: (step: StepView) => tf.Scalar };

function broken(
  name: string,
  hooks: (parts: Parts) => Hooks,
  options: v.GenericSchema<unknown, object> = v.strictObject({}),
): void {
  testPlugin(
    definePlugin({
      name,
      apiVersion: 1,
      options,
      requires: {},
      create: (scope) => {
        let pairs: readonly TapPair[] = [];
        const loss = (step: StepView): tf.Scalar =>
          tf.tidy(() =>
            tf.addN(
              pairs.map(({ student, teacher }) =>
                tf.mean(tf.square(tf.sub(step.student.tap(student), step.teacher.tap(teacher)))),
              ),
            ),
          ) as tf.Scalar;
        return { featureTap: (taps) => void (pairs = taps.pair('neck@*')), ...hooks({ scope, loss }) };
      },
    }),
  );
}

let calls = 0;
broken('leaks', ({ loss }) => ({ lossCompose: (step) => (tf.keep(tf.scalar(1)), { a: loss(step) }) }));
broken('teaches-the-teacher', ({ scope, loss }) => ({
  lossCompose: (step) => {
    const { variable } = scope.teacher.variables[0]!;
    tf.tidy(() => variable.assign(tf.mul(variable, 2)));
    return { a: loss(step) };
  },
}));
broken('remembers-other-runs', ({ loss }) => ({
  lossCompose: (step) => ({ a: tf.mul(loss(step), ++calls) as tf.Scalar }),
}));
broken('forgets-its-state', ({ loss }) => {
  let steps = 0;
  return { lossCompose: (step) => ({ a: tf.mul(loss(step), ++steps) as tf.Scalar }) };
});
broken('teaches-nothing', () => ({ lossCompose: () => ({ a: tf.scalar(1) }) }));
broken('divides-by-no-object', ({ loss }) => ({
  lossCompose: (step) => ({
    a: tf.add(loss(step), tf.div(tf.sum(step.instances.mask), tf.sum(step.assignment.positives))) as tf.Scalar,
  }),
}));
broken('takes-any-option', ({ loss }) => ({ lossCompose: (step) => ({ a: loss(step) }) }), v.object({}));

function brokenDetector(name: string, change: (of: Detector) => Partial<Detector>): void {
  const { definition } = toyDetector;
  testDetector(
    defineDetector({
      ...definition,
      name,
      create: (options, context) => {
        const detector = definition.create(options, context);
        return { ...detector, ...change(detector) };
      },
    }),
  );
}

brokenDetector('wrong-stride', ({ taps }) => ({ taps: taps.map((tap) => ({ ...tap, stride: tap.stride * 2 })) }));
brokenDetector('makes-every-tap', ({ forward, taps }) => ({
  forward: (images, options) => {
    const output = forward(images, { ...options, taps: taps.map(({ name }) => name) });
    return { ...output, taps: Object.fromEntries((options.taps ?? []).map((name) => [name, output.taps[name]!])) };
  },
}));
brokenDetector('worst-first', ({ detect }) => ({
  detect: async (...inputs) =>
    (await detect(...inputs)).map((found) => ({ ...found, scores: found.scores.slice().reverse() })),
}));
brokenDetector('outside-of-the-image', ({ detect }) => ({
  detect: async (...inputs) =>
    (await detect(...inputs)).map((found) => ({ ...found, boxes: found.boxes.map((side) => side + 5) })),
}));
brokenDetector('ignores-the-cut', ({ head }) => ({
  head: { ...head!, run: (branch, x, options) => head!.run(branch, x, { ...options, from: 0 }) },
}));
brokenDetector('stays', () => ({ dispose: () => {} }));
brokenDetector('one-path-for-all', ({ variables }) => ({
  variables: variables.map((one) => ({ ...one, path: 'a/b' })),
}));
brokenDetector('divides-by-no-positive', ({ terms }) => ({
  terms: (output, priors, assignment, targets) => ({
    cls: tf.div(terms(output, priors, assignment, targets)['cls']!, tf.sum(assignment.positives)) as tf.Scalar,
  }),
}));

const shape: ResnetShape = { block: 'basic', layers: [1, 1, 1, 1], width: 2 };
function brokenBackbone(name: string, change: (of: Backbone) => Partial<Backbone>): void {
  const { definition } = resnet;
  testBackbone(
    defineBackbone<ResnetShape, ResnetShape>({
      ...definition,
      name,
      create: (options, context) => {
        const backbone = definition.create(options, context);
        return { ...backbone, ...change(backbone) };
      },
    }),
    { options: shape, norms: ['frozen'] },
  );
}

brokenBackbone('wrong-channels', ({ stages }) => ({ stages: stages.map((one) => ({ ...one, channels: 3 })) }));
brokenBackbone('coarsest-first', ({ stages }) => ({ stages: stages.toReversed() }));
brokenBackbone('never-frozen', ({ parts }) => ({ parts: parts.map((part, i) => (i === 4 ? ['bn1'] : part)) }));
brokenBackbone('forgets-a-layer', ({ layers }) => ({ layers: layers.filter(({ name }) => !name.endsWith('.conv1')) }));
