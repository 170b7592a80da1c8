import { jsonFormat, toyData, toyDetector, toyTeacher } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { taught } from '../../test/taught.js';
import { of, run, toyConfig } from '../../test/toy-run.js';
import { mimic } from '../../test/mimic.js';
import type { Config } from '../config.js';
import type { Detector } from '../contract/detector.js';
import { latestCheckpoint } from './checkpoints.js';
import type { Inheritable } from './inherit.js';

const { teacher } = taught();

const said = () => {
  const lines: string[] = [];
  const tell = (line: string) => void lines.push(line);
  return { lines, logger: { info: tell, warn: tell } };
};
const narrow = () => toyDetector({ size: 16 });
const wide = (depth?: number) => toyDetector({ width: 6, size: 16, ...(depth && { depth }) });
const config = (inherit: readonly Inheritable[], more: Partial<Config> = {}): Config =>
  toyConfig({
    teacher: { weights: teacher(), detector: wide() },
    distillers: [mimic({})],
    student: wide(),
    inherit: [...inherit],
    // Weights that stay what they were at the start.
    optimizer: { name: 'sgd', lr: 1e-30, weightDecay: 0 },
    epochs: 1,
    ...more,
  });
const weights = async (folder: string) => {
  const { tensors } = await jsonFormat.read((await latestCheckpoint(folder, jsonFormat))!);
  return (start: string) =>
    Object.fromEntries(
      [...tensors].filter(([name]) => name.startsWith(`student/${start}`)).map(([name, { data }]) => [name, [...data]]),
    );
};

describe('inherit', () => {
  it("starts the named parts from the teacher's, and no other, with any distiller and with none", async () => {
    const theirs = await weights(teacher());
    for (const more of [{}, { distillers: [] }]) {
      const { lines, logger } = said();
      const ran = await run(config(['neck'], more), { logger });
      const own = await weights(ran.out);
      expect(own('neck')).toEqual(theirs('neck'));
      for (const part of ['head', 'backbone.stem']) expect(own(part)).not.toEqual(theirs(part));
      expect(of(ran.events, 'start')[0]!.run.inherited).toEqual([{ part: 'neck', tensors: 4, of: 4 }]);
      expect(ran.summary!.inherited).toEqual([{ part: 'neck', tensors: 4, of: 4 }]);
      expect(lines.filter((line) => /inherit|nothing is learned/.test(line))).toEqual([]);
    }
  });

  it('takes what agrees and tells the rest', async () => {
    const { lines, logger } = said();
    const { out, events } = await run(config(['neck', 'head'], { student: wide(2) }), { logger });
    const [own, theirs] = [await weights(out), await weights(teacher())];
    expect(own('head.cls.0')).toEqual(theirs('head.cls.0'));
    expect(of(events, 'start')[0]!.run.inherited).toEqual([
      { part: 'neck', tensors: 4, of: 4 },
      { part: 'head', tensors: 8, of: 12 },
    ]);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^inherit: 4 of 12 tensors of the head are not the teacher's, which has head\.cls\.1\/kernel not at all/,
      ),
    );
  });

  it('takes nothing again when a run goes on', async () => {
    const settings = { optimizer: { name: 'sgd', lr: 0.02 } } as const;
    const whole = await run(config(['neck', 'head'], settings));
    const first = await run(config(['neck', 'head'], settings), { stopAt: 2 });
    const second = await run(config(['neck', 'head'], settings), { out: first.out, resume: true });
    expect((await weights(first.out))('')).toEqual((await weights(whole.out))(''));
    expect(second.summary!.inherited).toEqual(whole.summary!.inherited);
    await expect(
      run(config(['neck'], { ...settings, epochs: 2 }), { out: first.out, resume: true }),
    ).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining('inherit') as string,
    });
  });

  it.each([
    [
      'widths that differ',
      () => config(['neck'], { student: narrow() }),
      /nothing of the teacher's neck fits the student's: neck\.p3\/kernel is \[2, 2, 4, 4\] here, \[2, 2, 6, 6\] there/,
    ],
    ['no teacher', () => toyConfig({ inherit: ['neck'] }), /inherit needs one teacher to start from, here are 0/],
    [
      'a teacher of features alone',
      () => config(['neck'], { teacher: toyTeacher({}), distillers: [] }),
      /inherit: the teacher \(\S+\) gives features alone and has no neck or head to start from\. Leave inherit out/,
    ],
    ['a part that there is not', () => config(['backbone' as never]), /inherit/],
  ])('refuses %s', async (_, make, message) => {
    await expect(run(make())).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses the head of a teacher of the same classes in another order, and takes its neck', async () => {
    const source = toyData({ images: 8, size: 16 });
    const train = {
      ...source,
      open: async (...given: Parameters<typeof source.open>) => {
        const set = await source.open(...given);
        return { ...set, categories: [...set.categories].reverse() };
      },
    };
    const data = { train, workers: 0 };
    await expect(run(config(['head'], { data, distillers: [] }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/predicts other classes than the student's, or in another order/) as string,
    });
    expect((await run(config(['neck'], { data, distillers: [] }))).summary!.inherited).toHaveLength(1);
  });

  it('refuses the head of another kind of detector', async () => {
    const { inheritParts } = await import('./inherit.js');
    const model = (name: string): Detector => ({ name, variables: [] }) as never;
    expect(() =>
      inheritParts(model('gfl'), [{ detector: model('retinanet') }], ['head'], { copy: true, tell: () => {} }),
    ).toThrow(/the head of the teacher \(retinanet\) predicts in another way than the student's \(gfl\)/);
  });
});
