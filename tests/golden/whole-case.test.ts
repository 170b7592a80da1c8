import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEngine } from './support/engine.js';
import { goldenAreas, oneOf, only, readWhole, touching, watchCase } from './support/index.js';

const one = {
  id: 'a',
  note: 'text',
  params: { radius: 2, sizes: [1, 2], norm: { eps: 1, kind: 'x' } },
  inputs: { x: 1 },
};

describe('a test that reads its case', () => {
  test('passes where it read every key', async () => {
    await readWhole(one, ({ params: { radius, sizes, norm }, inputs }) => {
      expect([radius, sizes.length, norm.eps, inputs.x]).toEqual([2, 2, 1, 1]);
    });
  });

  test.each<[string, (of: typeof one) => unknown, readonly string[], string[]]>([
    ['nothing', () => 0, [], ['params.radius', 'params.sizes', 'params.norm.eps', 'inputs']],
    [
      'a record without its keys',
      ({ params, inputs }) => [params.norm, inputs],
      [],
      ['params.radius', 'params.sizes', 'params.norm.eps'],
    ],
    ['what another test reads', ({ params }) => params.radius, ['params.norm', 'inputs'], ['params.sizes']],
  ])('fails by the names of what it left: %s', async (_, run, elsewhere, unread) => {
    await expect(readWhole(one, (of) => void run(of), elsewhere)).rejects.toMatchObject({ actual: unread });
  });

  test('is counted into lists of records', async () => {
    const steps = { steps: [{ loss: 1, rate: 2 }, { loss: 3 }], sizes: [[1, 2]] };
    await expect(
      readWhole(steps, ({ steps, sizes }) =>
        expect([steps.map(({ loss }) => loss), sizes]).toEqual([[1, 3], [[1, 2]]]),
      ),
    ).rejects.toMatchObject({ actual: ['steps.0.rate'] });
  });

  test('may be several tests', () => {
    const { watched, unread } = watchCase(one);
    expect(watched.params.radius).toBe(2);
    expect(watched.inputs.x).toBe(1);
    expect(unread(['params.norm'])).toEqual(['params.sizes']);
    expect(watched.params.sizes).toEqual([1, 2]);
    expect(unread(['params.norm'])).toEqual([]);
  });

  test('fails as the test itself does, first', async () => {
    await expect(readWhole(one, () => expect.fail('oh'))).rejects.toThrow('oh');
  });
});

test('values that no test knows are told by name', () => {
  expect(oneOf('mode', 'avg', ['avg', 'max'])).toBe('avg');
  expect(() => oneOf('mode', 'sum', ['avg', 'max'])).toThrow(/mode is "sum".*known are "avg", "max"/);
  only('beta', [1, 2], [1, 2]);
  expect(() => only('beta', 2, 1)).toThrow(/beta is 2; the function under test has 1/);
});

describe('gradients', () => {
  beforeAll(async () => void (await startEngine()));

  test('are zeros of an input that the value does not depend on', async () => {
    const [a, b] = tf.grads(touching((x) => tf.sum(tf.mul(x!, 3))))([tf.tensor1d([1, 2]), tf.tensor1d([4])]);
    expect([[...(await a!.data())], [...(await b!.data())]]).toEqual([[3, 3], [0]]);
    const constant = tf.grad(touching(() => tf.scalar(5)))(tf.tensor1d([1]));
    expect([...(await constant.data())]).toEqual([0]);
  });
});

describe('areas', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kd-golden-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('may be links to folders, with links to folders in them', () => {
    mkdirSync(join(folder, 'elsewhere/case'), { recursive: true });
    writeFileSync(join(folder, 'elsewhere/case/index.json'), '{ "detector": "x" }');
    mkdirSync(join(folder, 'root/detectors'), { recursive: true });
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'root/linked'));
    symlinkSync(join(folder, 'elsewhere/case'), join(folder, 'root/detectors/member'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'root/broken'));
    const areas = goldenAreas({ name: 'golden', folder: join(folder, 'root'), missing: null });
    expect(areas.map(({ name, members }) => [name, members.map((member) => member.name)])).toEqual([
      ['detectors', ['member']],
      ['linked', ['case']],
    ]);
  });
});
