import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { needsTensorflow } from '../../../../tests/needs-tensorflow.js';
import { compile, refusal, values } from '../testing/compiled.js';
import { startTensorflow } from '../testing/traced.js';

needsTensorflow(startTensorflow);

describe('what cannot be traced is refused with its line, and leaves all as it was', () => {
  const x = () => tf.tensor1d([1, 2]);

  test('reading values', () => {
    const variable = tf.variable(tf.scalar(3));
    const fn = compile((x: tf.Tensor) => {
      variable.assign(tf.scalar(4));
      return x.dataSync()[0]! > 0 ? tf.add(x, 1) : x;
    });
    const given = x();
    const before = tf.memory().numTensors;
    const message = refusal(() => fn(given));
    expect(message).toMatch(
      /^COMPILE_REFUSED the test cannot be compiled: .*cannot be read while tracing.*\(.*refused\.test\.ts:\d+\)\. Compute with tensors/,
    );
    expect(refusal(() => fn(given))).toBe(message);
    expect(variable.dataSync()[0]).toBe(3);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([given, variable]);
  });

  test('values that nobody waits for, whose promise would be rejected where nobody looks', async () => {
    const read: unknown[] = [];
    const fn = compile(
      (x: tf.Tensor) => {
        void x.data().then((values) => read.push(values));
        return tf.add(x, 1);
      },
      { at: () => 'a hook' },
    );
    const given = x();
    const before = tf.memory().numTensors;
    expect(refusal(() => fn(given))).toMatch(
      /^COMPILE_REFUSED .*a hook: .*cannot be read while tracing.*\(.*refused\.test\.ts:\d+\)\. Compute with tensors/,
    );
    await new Promise((resolve) => setTimeout(resolve));
    expect(read).toEqual([]);
    expect(tf.memory().numTensors).toBe(before);
    expect(Array.from(await given.data())).toEqual([1, 2]);
    given.dispose();
  });

  test.each([
    ['tf.randomUniform', (x: tf.Tensor) => tf.randomUniform(x.shape)],
    ['tf.randomNormal', (x: tf.Tensor) => tf.randomNormal(x.shape)],
    ['tf.dropout', (x: tf.Tensor) => tf.dropout(x, 0.5)],
    ['Math.random', () => tf.scalar(Math.random())],
  ])('numbers of %s without a seed, which would stay the same', (_, draw) => {
    const { random } = Math;
    const fn = compile((x: tf.Tensor) => tf.add(x, draw(x)));
    const given = x();
    const before = tf.memory().numTensors;
    expect(refusal(() => fn(given))).toMatch(
      /^COMPILE_REFUSED .*same at every call.*refused\.test\.ts:\d+\)\. Draw them with step\.rng, .*a seed gives the same numbers/,
    );
    expect(Math.random).toBe(random);
    expect(tf.memory().numTensors).toBe(before);
    given.dispose();
  });

  test('but with a seed they are constants', () => {
    const fn = compile((x: tf.Tensor) => tf.add(x, tf.randomUniform([2], 0, 1, 'float32', 7)));
    const given = x();
    const want = tf.add(given, tf.randomUniform([2], 0, 1, 'float32', 7));
    expect(values(fn(given))).toEqual(values(want));
    given.dispose();
  });

  test('a shape that depends on values', () => {
    const fn = compile((boxes: tf.Tensor2D) => tf.image.nonMaxSuppression(boxes, tf.tensor1d([0.5]), 1));
    const boxes = tf.tensor2d([[0, 0, 1, 1]]);
    expect(refusal(() => fn(boxes))).toMatch(/^COMPILE_REFUSED .*depends on data.*refused\.test\.ts:\d+/);
    boxes.dispose();
  });

  test('a tensor of the last call, which the next one reads: it has its values, and nothing is compiled', () => {
    let last: tf.Tensor | undefined;
    const step = (x: tf.Tensor): tf.Tensor => {
      const sum = last === undefined ? tf.clone(x) : tf.add(last, x);
      last?.dispose();
      last = tf.keep(sum);
      return tf.clone(sum);
    };
    const fn = compile(step, { at: () => 'a hook' });
    const given = x();
    expect(values(fn(given))).toEqual([1, 2]);
    expect(values(fn(given))).toEqual([2, 4]);
    expect(refusal(() => fn(given))).toMatch(
      /^COMPILE_REFUSED .*\(\[2\] at .*refused\.test\.ts:\d+\) .*kept beyond it by a hook, .*Keep what changes/,
    );
    expect(values(step(given))).toEqual([3, 6]);
    tf.dispose([given, last!]);
  });

  test('an error of the function itself passes, and what it kept before has values', () => {
    let kept: tf.Tensor | undefined;
    let fail = true;
    const fn = compile((x: tf.Tensor) => {
      kept ??= tf.keep(tf.mul(x, 2));
      if (fail) throw new Error('no luck');
      return tf.add(x, kept);
    });
    const given = x();
    expect(() => fn(given)).toThrow('no luck');
    expect(Array.from(kept!.dataSync())).toEqual([2, 4]);
    fail = false;
    expect(values(fn(given))).toEqual([3, 6]);
    tf.dispose([given, kept!]);
  });

  test('what is no tensor, list, object or plain value', () => {
    const fn = compile((x: unknown) => x);
    expect(refusal(() => fn({ a: [new Map()] }))).toBe(
      'USAGE what the test is called with: it.a[0] is a Map; tensors, lists and plain objects of them, numbers, texts and booleans can be handed on.',
    );
  });

  test('another compiled function, traced or not', () => {
    const inner = compile((x: tf.Tensor) => tf.mul(x, 2));
    const given = x();
    for (let call = 0; call < 2; call++) {
      const fn = compile((x: tf.Tensor) => inner(tf.add(x, 1)));
      expect(refusal(() => fn(given))).toMatch(
        /^COMPILE_REFUSED the test cannot be compiled: the test, which is compiled itself, is called while the test is traced.*\(.*refused\.test\.ts:\d+\)\.$/,
      );
      expect(values(inner(given))).toEqual([2, 4]);
    }
    inner.clear();
    given.dispose();
  });

  test('no graph at all to keep', () => {
    expect(refusal(() => compile((x: tf.Tensor) => x, { most: 0 }))).toBe(
      'USAGE the test: most must be a whole number above 0, not 0.',
    );
  });
});
