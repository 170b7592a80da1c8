import {
  buildTeacher,
  createRng,
  disposeAll,
  type Engine,
  parseOptions,
  silentLogger,
  type Teacher,
  type TeacherDefinition,
  type TeacherImages,
  teacherMaps,
  type Usable,
} from '@kd/core';
import { cpu } from '@kd/engine-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { valuesOf } from './detector-step.js';

export interface TeacherSuiteOptions<Input> {
  /** Options of a model so small that it runs in a moment. */
  readonly options: Input;
  /** The folder that relative paths in the options start from; default the working directory. */
  readonly folder?: string;
  readonly engine?: Engine;
  /** Milliseconds a test may take. */
  readonly timeout?: number;
}

/** The contract of teachers as a vitest suite: call it in a test file of the package that defines the teacher. */
export function testTeacher<Options, Input>(
  usable: Usable<TeacherDefinition<Options>, Input>,
  { options: given, folder = process.cwd(), engine = cpu(), timeout = 60_000 }: TeacherSuiteOptions<Input>,
): void {
  const definition = usable.definition as unknown as TeacherDefinition;
  const { name } = definition;

  describe(`the teacher ${name}`, { timeout }, () => {
    const open: Teacher[] = [];
    const start = async (): Promise<Teacher> => {
      const { teacher } = await buildTeacher({ definition, options: given }, { folder, logger: silentLogger });
      open.push(teacher);
      return teacher;
    };
    const close = async (): Promise<void> => {
      for (const teacher of open.splice(0)) await teacher.dispose();
    };
    /** Values of all taps, by name. */
    const run = async (teacher: Teacher, images: TeacherImages, wanted = namesOf(teacher)) => {
      const output = await teacherMaps(teacher, images, wanted);
      const values = Object.fromEntries(Object.entries(output.maps).map(([tap, map]) => [tap, valuesOf(map)]));
      disposeAll(output);
      return values;
    };
    beforeAll(async () => void (await engine.start()), timeout);
    afterEach(close);

    it('refuses an option that it does not know', () => {
      expect(() => parseOptions(definition.options, { ...given, 'no such option': 1 }, name)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining('no such option'),
        }) as Error,
      );
    });

    it('takes the options that it recorded', async () => {
      const built = await buildTeacher({ definition, options: given }, { folder, logger: silentLogger });
      open.push(built.teacher);
      const recorded = JSON.parse(JSON.stringify(built.options)) as unknown;
      const again = await buildTeacher({ definition, options: recorded }, { folder, logger: silentLogger });
      open.push(again.teacher);
      expect(again.teacher.input).toEqual(built.teacher.input);
      expect(again.teacher.taps).toEqual(built.teacher.taps);
      expect(again.teacher.fingerprint).toBe(built.teacher.fingerprint);
    });

    it.each([1, 2])('gives every tap with the stride and the channels that it declares, of %i images', async (b) => {
      const teacher = await start();
      // teacherMaps compares shapes with strides and channels.
      const values = await run(teacher, pictures(teacher, b));
      for (const [tap, numbers] of Object.entries(values)) {
        expect(numbers.length, tap).toBeGreaterThan(0);
        expect(numbers.every(Number.isFinite), tap).toBe(true);
        expect(new Set(numbers).size, `different values of ${tap}`).toBeGreaterThan(1);
      }
    });

    it('gives the wanted taps alone', async () => {
      const teacher = await start();
      const [first] = namesOf(teacher);
      expect(Object.keys(await run(teacher, pictures(teacher, 1), [first!]))).toEqual([first]);
    });

    it('gives the same numbers twice, in two instances too, and others for other images', async () => {
      const [a, b] = [await start(), await start()];
      const images = pictures(a, 2);
      const values = await run(a, images);
      expect(await run(a, images)).toEqual(values);
      expect(await run(b, images)).toEqual(values);
      expect(await run(a, pictures(a, 2, 1))).not.toEqual(values);
    });

    it('reads each image of a batch by itself', async () => {
      const teacher = await start();
      const images = pictures(teacher, 2);
      const both = await run(teacher, images);
      for (const [i, one] of [oneOf(images, 0), oneOf(images, 1)].entries()) {
        for (const [tap, alone] of Object.entries(await run(teacher, one))) {
          const inBatch = both[tap]!.slice(i * alone.length, (i + 1) * alone.length);
          const scale = Math.max(...alone.map(Math.abs));
          const error = Math.max(...alone.map((value, at) => Math.abs(value - inBatch[at]!)));
          expect(error / scale, `${tap} of image ${i}, alone and in a batch`).toBeLessThan(1e-4);
        }
      }
    });

    it('leaves its images as they are, and frees everything', async () => {
      const before = tf.memory().numTensors;
      const teacher = await start();
      const images = pictures(teacher, 1);
      const copy = Float32Array.from(images.data);
      await run(teacher, images);
      expect(images.data).toEqual(copy);
      const between = tf.memory().numTensors;
      await run(teacher, images);
      expect(tf.memory().numTensors, 'after another forward').toBe(between);
      await close();
      expect(tf.memory().numTensors, 'at the end').toBe(before);
    });
  });
}

const namesOf = ({ taps }: Teacher): string[] => taps.map(({ name }) => name);

/** Random images as the input rule gives them, of values that a normalised picture has. */
function pictures({ input }: Teacher, b: number, seed = 0): TeacherImages {
  const whole = (side: number): number => Math.ceil(side / input.sizeDivisible) * input.sizeDivisible;
  const size = input.fixedSize ?? [input.minSize.at(-1)!, Math.min(input.maxSize, input.minSize.at(-1)! + 32)];
  const [h, w] = [whole(size[0]), whole(size[1])];
  const rng = createRng(seed, 'pictures');
  return {
    data: Float32Array.from({ length: b * h * w * 3 }, () => rng.normal()),
    shape: input.layout === 'nchw' ? [b, 3, h, w] : [b, h, w, 3],
    imageSizes: Array.from({ length: b }, () => [size[0], size[1]] as const),
    ids: Array.from({ length: b }, (_, id) => id),
  };
}

/** One image of a batch. */
function oneOf({ data, shape, imageSizes, ids }: TeacherImages, i: number): TeacherImages {
  const length = data.length / shape[0];
  return {
    data: data.slice(i * length, (i + 1) * length),
    shape: [1, shape[1], shape[2], shape[3]],
    imageSizes: [imageSizes[i]!],
    ids: [ids[i]!],
  };
}
