import '@tensorflow/tfjs-backend-cpu';
import { type HostBatch, type NamedTensors, parseOptions, type PassView } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { toyDistillation, type ToyOptions } from '../test/toy-distillation.js';
import { type Bank, prototype, type PrototypeInput, readBank, selectRandom, writeBank } from './index.js';

vi.setConfig({ testTimeout: 60_000 });

beforeAll(async () => {
  await tf.setBackend('cpu');
});

type Toy = Awaited<ReturnType<typeof toyDistillation>>;

async function withToy<T>(options: ToyOptions, work: (toy: Toy) => Promise<T>): Promise<T> {
  const before = tf.memory().numTensors;
  const toy = await toyDistillation({ ...options, options: { minSide: 4, ...options.options } });
  let result: T;
  try {
    result = await work(toy);
  } finally {
    await toy.dispose();
  }
  expect(tf.memory().numTensors, 'live tensors').toBe(before);
  return result;
}

const bankOf = ({ plugin }: Toy): Bank => readBank(plugin.hooks.state!() as NamedTensors);
const empty = (batch: HostBatch): HostBatch => ({ ...batch, mask: new Float32Array(batch.mask.length) });
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + Math.abs(value), 0);
const flatWeights = (weights: readonly number[][], mask: readonly number[][]): number[] =>
  weights.flatMap((row, b) => row.filter((_, i) => mask[b]![i] === 1));

it('tells where a student starts from nothing that the paper starts from a trained one, and how to', () => {
  expect(prototype.definition.untrained).toMatch(/the paper's student is trained already.*init: '<run folder>'/);
});

describe('the terms', () => {
  it('are named after the losses; a weight of 0 leaves one out, and all of them leave the channel alone', async () => {
    for (const [weights, names] of [
      [{}, ['feature', 'global', 'response']],
      [{ feature: 0 }, ['global', 'response']],
      [{ global: 0, feature: 0, response: 0 }, []],
    ] as const) {
      await withToy({ options: { weights } }, async (toy) => {
        await toy.pass();
        const { terms, weights: channel } = toy.step(await toy.batch());
        expect(Object.keys(terms).sort()).toEqual(names.map((name) => `prototype.${name}`));
        const known = channel.levels.map((level) => flatWeights(level, channel.mask));
        expect(known).toHaveLength(2);
        expect(known[0]!.length).toBeGreaterThan(3);
        expect(
          [...known.flat(), ...flatWeights(channel.response, channel.mask)].every(
            (weight) => weight > 0 && weight <= 1,
          ),
        ).toBe(true);
        expect(Math.min(...known.flat())).toBeLessThan(1);
      });
    }
  });

  it('grow with their weights; the fading one is 1 - epoch / epochs, and the response does not fade', async () => {
    await withToy({}, async (toy) => {
      await toy.pass();
      const batch = await toy.batch();
      const [first, later] = [toy.step(batch, 0).terms, toy.step(batch, 3).terms];
      for (const name of ['global', 'feature'])
        expect(later[`prototype.${name}`]! / first[`prototype.${name}`]!).toBeCloseTo(0.25, 4);
      expect(later['prototype.response']).toBeCloseTo(first['prototype.response']!, 5);
      const strong = await withToy(
        { options: { weights: { global: 15, feature: 3, response: 4 }, attenuation: false } },
        async (other) => {
          await other.pass();
          return other.step(batch, 3).terms;
        },
      );
      expect(strong['prototype.global']! / first['prototype.global']!).toBeCloseTo(3, 4);
      expect(strong['prototype.feature']! / first['prototype.feature']!).toBeCloseTo(3, 4);
      expect(strong['prototype.response']! / first['prototype.response']!).toBeCloseTo(4, 4);
    });
  });

  it('leave the background alone in a batch without objects, and nothing of it where its factor is 0', async () => {
    for (const background of [4, 0]) {
      await withToy({ options: { feature: { background } } }, async (toy) => {
        await toy.pass();
        const { terms, gradients } = toy.step(empty(await toy.batch()));
        expect(terms['prototype.global']).toBe(0);
        expect(terms['prototype.response']).toBe(0);
        expect(terms['prototype.feature']! > 0).toBe(background > 0);
        expect(sum([...gradients.values()].flat()) > 0).toBe(background > 0);
      });
    }
  });

  it('are of the ground truth where that is wanted', async () => {
    await withToy(
      { options: { instances: 'gt', reliability: ({ student }) => tf.fill([student.shape[0]], 0.25) } },
      async (toy) => {
        await toy.pass();
        const { weights } = toy.step(await toy.batch());
        expect(new Set(flatWeights(weights.response, weights.mask))).toEqual(new Set([0.25]));
      },
    );
  });

  it('come after the pass alone', async () => {
    await withToy({}, async (toy) => {
      const batch = await toy.batch();
      expect(() => toy.step(batch)).toThrow(/prototype: a step came before the first bank/);
    });
  });
});

describe('the pass', () => {
  it('samples large objects, chooses from them, and tells', async () => {
    await withToy({ options: { minSide: 9, count: 3 } }, async (toy) => {
      await toy.pass();
      const { info, instances, levels } = bankOf(toy);
      const large = toy.dataset.images.flatMap(({ id, annotations }) =>
        annotations
          .filter(({ box: [x1, y1, x2, y2] }) => x2 - x1 > 9 && y2 - y1 > 9)
          .map(({ box, label }) => ({ id, box, label })),
      );
      expect(large.length).toBeGreaterThan(4);
      expect(
        Array.from(instances.label, (label, i) => ({
          id: info.images[instances.image[i]!],
          box: [...instances.box.subarray(i * 4, i * 4 + 4)],
          label,
        })),
      ).toEqual(large);
      for (const { offsets, instance, teacher } of levels) {
        expect(offsets[2]).toBe(instance.length);
        expect(teacher.length).toBe(instance.length * 4);
        Array.from(instance).forEach((row, p) => expect(instances.label[row]).toBe(p < offsets[1]! ? 0 : 1));
        expect(offsets[1]).toBeLessThanOrEqual(3);
      }
      expect(toy.said.join()).toContain(`from ${large.length} instances`);
    });
  });

  it('runs each image once, and at a refresh the student alone, whose features are new', async () => {
    await withToy({ images: 9 }, async (toy) => {
      await toy.pass();
      const images = toy.dataset.images.filter(({ annotations }) => annotations.length > 0).length;
      expect(toy.seen).toEqual({ student: images, teacher: images });
      const before = bankOf(toy);
      for (const { variable } of toy.student.variables) tf.tidy(() => variable.assign(tf.mul(variable, -1.5)));
      await toy.pass(2);
      expect(toy.seen).toEqual({ student: 2 * images, teacher: images });
      const after = bankOf(toy);
      expect(after.info.step).toBe(2);
      expect([...after.levels[0]!.student]).not.toEqual([...before.levels[0]!.student]);
    });
  });

  it('draws the images once, or at every refresh', async () => {
    const banks = async (resample: 'fixed' | 'each-refresh'): Promise<Bank[]> =>
      withToy({ images: 24, options: { resample, maxImages: 3 } }, async (toy) => {
        await toy.pass();
        const first = bankOf(toy);
        await toy.pass(2);
        expect((await toy.cacheFiles()).length).toBe(resample === 'fixed' ? 1 : 0);
        return [first, bankOf(toy)];
      });
    const [fixed, again] = await banks('fixed');
    expect(fixed!.info.sampled.map(({ images }) => images)).toEqual([3, 3]);
    expect(again!.info.images).toEqual(fixed!.info.images);
    const [one, other] = await banks('each-refresh');
    expect(other!.info.images).not.toEqual(one!.info.images);
  });

  it('leaves the old bank in use when a refresh breaks off', async () => {
    await withToy({ options: { resample: 'each-refresh' } }, async (toy) => {
      await toy.pass();
      const before = bankOf(toy);
      toy.controller.failAfter = toy.seen.teacher + 3;
      await expect(toy.pass(2)).rejects.toThrow(/the power went/);
      expect(bankOf(toy)).toEqual(before);
      toy.step(
        await toy.batch().then((batch) => {
          toy.controller.failAfter = Infinity;
          return batch;
        }),
      );
    });
  });

  it('lets a class without instances keep its prototypes', async () => {
    await withToy({ options: { every: { steps: 2 } } }, async (toy) => {
      await toy.pass();
      const before = bankOf(toy);
      // The same data without blue objects, as a later draw might have it.
      const images = toy.dataset.images.map((image) => ({
        ...image,
        annotations: image.annotations.map((one) => ({ ...one, ignore: one.label === 1 })),
      }));
      const view = { ...viewOf(toy), images } as unknown as PassView;
      const after = readBank(await toy.plugin.hooks.datasetPass!.run(view));
      after.levels.forEach((level, l) => {
        const old = before.levels[l]!;
        expect(after.info.levels[l]!.classes.map(({ source }) => source)).toEqual(['chosen', 'kept']);
        const blue = (values: Float32Array, { offsets }: typeof old, width: number): number[] => [
          ...values.subarray(offsets[1]! * width, offsets[2]! * width),
        ];
        expect(blue(level.student, level, 4)).toEqual(blue(old.student, old, 4));
        const [row, oldRow] = [level.instance[level.offsets[1]!]!, old.instance[old.offsets[1]!]!];
        expect(after.info.images[after.instances.image[row]!]).toBe(
          before.info.images[before.instances.image[oldRow]!],
        );
        expect(level.nearest[row]).toBe(-1);
      });
    });
  });

  it('has no prototypes where no object is large enough, weighs everything 1, and says so', async () => {
    await withToy({ options: { minSide: 30 } }, async (toy) => {
      await toy.pass();
      expect(toy.said.join()).toMatch(/no prototypes for red, blue/);
      const { terms, weights } = toy.step(await toy.batch());
      expect(terms['prototype.global']).toBe(0);
      expect(new Set(weights.levels.flatMap((level) => flatWeights(level, weights.mask)))).toEqual(new Set([1]));
    });
  });

  it("takes a selector of one's own", async () => {
    const asked: number[] = [];
    await withToy(
      {
        options: {
          select: (features, options) => {
            asked.push(options?.count ?? 0);
            return selectRandom(features, options);
          },
          count: 1,
        },
      },
      async (toy) => {
        await toy.pass();
        expect(asked).toEqual([1, 1, 1, 1]);
        expect(bankOf(toy).info.select).toBe('function');
        expect([...bankOf(toy).levels[0]!.offsets]).toEqual([0, 1, 2]);
      },
    );
  });
});

describe('the bank', () => {
  it('is refused when it is of other levels or classes', async () => {
    await withToy({}, async (toy) => {
      await toy.pass();
      const bank = bankOf(toy);
      const take = (info: Partial<Bank['info']>): void =>
        toy.plugin.hooks.datasetPass!.use(writeBank({ ...bank, info: { ...bank.info, ...info } }));
      expect(() => take({ levels: [...bank.info.levels].reverse() })).toThrow(
        /the bank of prototypes has levels of stride 16.*the necks have stride 8/s,
      );
      expect(() => take({ classes: ['cat', 'dog'] })).toThrow(/classes cat, dog; the detectors know red, blue/);
      expect(bankOf(toy)).toEqual(bank);
    });
  });

  it('of an earlier version keeps no run from going on: without its file, the pass makes one anew', async () => {
    const options = { every: { steps: 4 } };
    const state = await withToy({ options }, async (toy) => {
      await toy.pass();
      const { info, ...bank } = bankOf(toy);
      return writeBank({ ...bank, info: { ...info, format: 1 } as unknown as Bank['info'] });
    });
    expect(() => readBank(state)).toThrow(/its format is 1/);
    await withToy({ options }, async (toy) => {
      toy.plugin.hooks.restore!(state);
      await toy.pass(2, true);
      expect(bankOf(toy).info).toMatchObject({ format: 2, step: 2 });
    });
  });

  it('in a state that is damaged is refused', async () => {
    await withToy({}, async (toy) => {
      expect(() =>
        toy.plugin.hooks.restore!(new Map([['info', { dtype: 'U8', shape: [1], data: Uint8Array.of(123) }]])),
      ).toThrow(/no bank of prototypes: info is not JSON/);
    });
  });
});

it.each<[PrototypeInput | Record<string, unknown>, RegExp]>([
  [{ count: 0 }, /count/],
  [{ every: { steps: 0 } }, /every/],
  [{ select: 'kmedians' }, /select/],
  [{ weights: { global: -1 } }, /global/],
  [{ reliability: 'gap' }, /function/],
  [{ global: { lambda: 1 } }, /lambda/],
])('refuses options that cannot be meant: %j', (options, message) => {
  expect(() => parseOptions(prototype.definition.options, options, 'distiller "prototype"')).toThrow(message);
});

/** A view of the toy's pass without run folder, for what a run cannot change. */
function viewOf({ dataset, student, teacher }: Toy): Record<string, unknown> {
  const rng = { stream: () => rng, shuffle: <T>(items: readonly T[]) => [...items], int: () => 1 };
  return {
    epoch: 1,
    step: 2,
    student,
    teacher,
    categories: dataset.categories,
    rng,
    progress: () => {},
    cached: (_: string, make: () => Promise<NamedTensors>) => make(),
    forward: (role: 'student' | 'teacher', images: tf.Tensor4D, taps: readonly { name: string }[]) => {
      const {
        levels,
        predictions,
        taps: tapped,
      } = (role === 'student' ? student : teacher).forward(images, {
        training: false,
        taps: taps.map(({ name }) => name),
      });
      tf.dispose([
        ...levels.filter((level) => !Object.values(tapped).includes(level)),
        ...Object.values(predictions).flat(),
      ]);
      kept.push(...Object.values(tapped));
      return { taps: tapped };
    },
    batches: async function* (indices: readonly number[]) {
      const loader = dataset.loader({
        input: student.input,
        batchSize: 2,
        training: false,
        shuffle: false,
        dropLast: false,
        seed: 0,
        augment: [],
        workers: 0,
        onBadImage: 'error',
        indices,
      });
      for await (const batch of loader.epoch(0)) {
        const images = tf.tensor4d(batch.images, [...batch.shape]);
        yield { batch, images };
        tf.dispose([images, ...kept.splice(0)]);
      }
    },
  };
}
const kept: tf.Tensor[] = [];
