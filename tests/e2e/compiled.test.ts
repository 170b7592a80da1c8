// What a compiled step shares with a plain one beside its terms: accumulation, clipping, averages, running statistics,
// sizes of batches, and teachers that run before it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  API_VERSION,
  type Config,
  type DatasetSource,
  definePlugin,
  type Engine,
  type HostBatch,
  type TrainerEvent,
} from '@kd/core';
import { coco } from '@kd/data';
import { retinanet } from '@kd/detector-retinanet';
import { fitnets } from '@kd/plugin-imitation';
import { safetensorsFormat } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import * as v from 'valibot';
import { beforeAll, expect, it } from 'vitest';
import { ENGINE, namedEngine } from '../named-engine.js';
import { pooled } from './configs/pooled.js';
import { temporaryFolder } from './kd.js';
import { logsOf, picturesFor, type TinyOptions, trainTiny } from './train-tiny.js';

const model = (width: number, input: object) =>
  retinanet({
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width },
    fpnChannels: 8,
    extra: 'none',
    norm: 'live',
    head: { depth: 1 },
    anchors: { sizes: [[16], [32], [64]] },
    input,
  });
const square = { fixedSize: [96, 96] };

const folder = temporaryFolder();
const engine = await namedEngine();

/** What was trained, and what was said of it. */
async function trained(name: string, config: Partial<Config>, options: Partial<TinyOptions> = {}) {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const events: TrainerEvent[] = await trainTiny(
    // Adam would make a sign of the noise in gradients that are next to nothing.
    { engine, batchSize: 2, optimizer: { name: 'sgd', lr: 0.02 }, checkpoint: { every: 100 }, ...config },
    { out: join(folder, name), logger: { info: say, warn: say }, ...options },
  );
  const file = events.flatMap((event) => (event.type === 'checkpoint' ? [event.file] : [])).at(-1)!;
  return { said, events, logs: logsOf(events), tensors: (await safetensorsFormat.read(file)).tensors };
}

type Logs = ReturnType<typeof logsOf>;
type Tensors = Awaited<ReturnType<typeof trained>>['tensors'];

function sameTerms(logs: Logs, expected: Logs): void {
  expect(logs.length).toBeGreaterThan(1);
  expect(logs).toHaveLength(expected.length);
  logs.forEach(({ step, terms }, i) => {
    for (const [term, value] of Object.entries(expected[i]!.terms))
      expect(Math.abs(terms[term]! - value) / Math.abs(value), `${term} at step ${step}`).toBeLessThan(1e-4);
  });
}

/** Trains by a config twice, and expects terms and every tensor of the last checkpoint to agree. */
async function equal(name: string, config: Partial<Config>) {
  const [plain, compiled] = [
    await trained(`${name}-plain`, { ...config, compile: false }),
    await trained(`${name}-compiled`, config),
  ];
  sameTerms(compiled.logs, plain.logs);
  expect([...compiled.tensors.keys()]).toEqual([...plain.tensors.keys()]);
  for (const [tensor, { data }] of plain.tensors) {
    const [expected, got] = [data, compiled.tensors.get(tensor)!.data].map((values) => Array.from(values, Number));
    const most = Math.max(...expected!.map(Math.abs));
    const off = Math.max(...expected!.map((value, i) => Math.abs(value - got![i]!)));
    expect(off, `${tensor}, up to ${most}`).toBeLessThanOrEqual(1e-4 * most);
  }
  return compiled;
}

/** Noise of two sizes in a folder, with a box in each picture. */
async function noise(): Promise<string> {
  const pictures = Array.from({ length: 16 }, (_, id) => ({
    id,
    file_name: `${id}.png`,
    width: id % 4 === 0 ? 96 : 64,
    height: 96,
  }));
  for (const { file_name: name, width, height } of pictures)
    await sharp({
      create: { width, height, channels: 3, background: 'black', noise: { type: 'gaussian', mean: 128, sigma: 60 } },
    })
      .png()
      .toFile(join(folder, name));
  const file = join(folder, 'noise.json');
  writeFileSync(
    file,
    JSON.stringify({
      images: pictures,
      categories: [{ id: 1, name: 'thing' }],
      annotations: pictures.map(({ id }) => ({
        id,
        image_id: id,
        category_id: 1,
        bbox: [2 * id, id, 20 + id, 40],
        area: 800,
        iscrowd: 0,
      })),
    }),
  );
  return file;
}

/** The same data, whose batches are shown before they are given. */
const watched = (source: DatasetSource, show: (batch: HostBatch) => void): DatasetSource => ({
  ...source,
  open: async (context) => {
    const dataset = await source.open(context);
    return {
      ...dataset,
      loader: (options) => {
        const loader = dataset.loader(options);
        return Object.create(loader, {
          epoch: {
            value: async function* (...given: Parameters<typeof loader.epoch>) {
              for await (const batch of loader.epoch(...given)) {
                show(batch);
                yield batch;
              }
            },
          },
        }) as typeof loader;
      },
    };
  },
});

/** A student of the teacher below. */
const taught = {
  student: model(4, square),
  teacher: { weights: join(folder, 'teacher') },
  distillers: [fitnets({})],
  data: picturesFor('compiled', 8),
} as Partial<Config>;

let whole: Awaited<ReturnType<typeof trained>>;

beforeAll(async () => {
  await trained('teacher', { student: model(6, square), data: picturesFor('compiled', 4), compile: false });
  whole = await trained('whole', taught);
});

it('accumulates, clips, averages and keeps running statistics as a plain step does, over two sizes of images', async () => {
  const shapes = new Set<string>();
  const train = watched(coco({ annotations: await noise(), images: folder, name: 'noise' }), ({ shape }) =>
    shapes.add(shape.join()),
  );
  const { said, tensors } = await equal('sizes', {
    student: model(4, { minSize: 96, maxSize: 96 }),
    data: { train, workers: 0 },
    epochs: 2,
    accumulate: 2,
    clipNorm: 0.5,
    ema: { decay: 0.8 },
  });
  expect([...shapes].sort()).toEqual(['2,96,64,3', '2,96,96,3']);
  expect(said.filter((text) => /cannot be compiled|op by op/.test(text))).toEqual([]);
  const names = [...tensors.keys()].join('\n');
  for (const part of [/^ema\//m, /^optimizer\//m, /running_mean|moving_mean/]) expect(names).toMatch(part);
});

it('is given the maps of a teacher of another family, from a cache as well', async () => {
  const ofAnother = {
    ...taught,
    teacher: pooled({ input: { fixedSize: [64, 64], mean: [0, 0, 0], std: [1, 1, 1] } }),
    data: { ...picturesFor('compiled', 8), augment: [{ name: 'flip' }] },
    epochs: 2,
  };
  for (const cacheTeacher of [false, true]) {
    const { said, logs } = await equal(`pooled-${cacheTeacher}`, { ...ofAnother, cacheTeacher } as Partial<Config>);
    expect(said.filter((text) => /cannot be compiled|op by op/.test(text))).toEqual([]);
    for (const { terms } of logs) expect(terms['fitnets.hint']).toBeGreaterThan(0);
  }
});

it('leaves a teacher that is a detector with an input of its own to steps that run op by op, and says so', async () => {
  const { said, logs } = await equal('own-input', { ...taught, student: model(4, { fixedSize: [64, 64] }) });
  const told = said.filter((text) => text.includes('the step runs op by op'));
  expect(told).toHaveLength(ENGINE === 'tensorflow' ? 1 : 0);
  for (const { terms } of logs) expect(terms['fitnets.hint']).toBeGreaterThan(0);
});

it('tells the parts of a step that is taught, and learns the same meanwhile', async () => {
  const profiled = await trained('profiled', taught, { profile: { steps: 3 } });
  sameTerms(profiled.logs, whole.logs);
  const [profile] = profiled.events.flatMap((event) => (event.type === 'profile' ? [event.profile] : []));
  const parts = ['teacher', 'student forward', 'detection losses', 'fitnets', 'backward', 'optimiser'];
  for (const part of parts)
    expect(profile!.parts.find((one) => one.part === part)?.milliseconds, part).toBeGreaterThan(0);
  if (ENGINE === 'tensorflow') expect(profile!.spans.some(({ lane }) => lane !== undefined)).toBe(true);
});

it('leaves to listeners what they keep of the weights, read or begin to read, and learns the same', async () => {
  const kept: { was: number[]; now: () => Promise<number[]> }[] = [];
  const clones: tf.Tensor[] = [];
  const onEvent = ({ type }: TrainerEvent): void => {
    if (type !== 'step') return;
    for (const variable of Object.values(tf.engine().registeredVariables)) {
      const [was, clone, reading] = [Array.from(variable.dataSync()), tf.clone(variable), variable.data()];
      clones.push(clone);
      kept.push(
        { was, now: async () => Array.from(await reading) },
        { was, now: async () => Array.from(await clone.data()) },
      );
    }
  };
  const { tensors } = await trained('listened', taught, { onEvent });
  expect(kept.length).toBeGreaterThan(200);
  for (const { was, now } of kept) expect(await now()).toEqual(was);
  tf.dispose(clones);
  for (const [tensor, { data }] of whole.tensors) expect(tensors.get(tensor)!.data, tensor).toEqual(data);
});

/** Norm of the differences of all numbers of two models. */
function apart(a: Tensors, b: Tensors): number {
  const names = [...a.keys()].filter((name) => name.startsWith('student/'));
  const numbers = (tensors: Tensors): number[] => names.flatMap((name) => Array.from(tensors.get(name)!.data, Number));
  const others = numbers(b);
  return Math.hypot(...numbers(a).map((value, i) => value - others[i]!));
}

it('computes convolutions and their gradients in bfloat16 where it is told to', async () => {
  await engine.start();
  if (!engine.capabilities().precision.includes('bfloat16'))
    return expect(trained('mixed-refused', { ...taught, precision: 'mixed' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('precision is "mixed"'),
    });
  // One plain step at rate 1 takes the gradients off, one at next to none leaves the weights.
  const once = (lr: number): Partial<Config> => ({
    ...taught,
    accumulate: 4,
    optimizer: { name: 'sgd', lr, momentum: 0 },
  });
  const [mixed, exact, start] = [
    await trained('mixed', { ...once(1), precision: 'mixed' }),
    await trained('exact', once(1)),
    await trained('start', { ...once(1e-12), compile: false }),
  ];
  for (const [term, value] of Object.entries(exact.logs[0]!.terms)) {
    const off = Math.abs(mixed.logs[0]!.terms[term]! / value - 1);
    expect(off, term).toBeLessThan(1e-2);
    expect(off, term).toBeGreaterThan(1e-7);
  }
  const off = apart(exact.tensors, mixed.tensors) / apart(exact.tensors, start.tensors);
  // Eight bits, and norms of batches of few cells; with the eleven of float16 it is less than 3e-2.
  expect(off).toBeLessThan(1e-1);
  expect(off).toBeGreaterThan(1e-4);
});

/** Stops a run after its second step, and expects what goes on from there to be the whole one. */
async function goesOn(whole: Awaited<ReturnType<typeof trained>>, name: string, config: Partial<Config>) {
  const stop = new AbortController();
  const onEvent = (event: TrainerEvent): void => void (event.type === 'log' && event.step === 2 && stop.abort());
  await trained(name, config, { signal: stop.signal, onEvent });
  await endsAs(whole, name, config);
}

/** Expects what goes on after two steps to be the whole one. */
async function endsAs(whole: Awaited<ReturnType<typeof trained>>, name: string, config: Partial<Config>) {
  const { logs, tensors } = await trained(name, config, { resume: true });
  const figures = ({ step, terms, lossScale }: Logs[number]) => ({ step, terms, lossScale });
  expect(logs.map(figures)).toEqual(whole.logs.slice(2).map(figures));
  expect([...tensors.keys()]).toEqual([...whole.tensors.keys()]);
  for (const [tensor, { data }] of whole.tensors) expect(tensors.get(tensor)!.data, tensor).toEqual(data);
}

it.runIf(ENGINE === 'tensorflow')(
  'takes running statistics back where the graph of a step fails in its second batch',
  async () => {
    const row = tf.tidy(() => tf.variable(tf.tensor1d([0], 'int32'), false));
    const fragile = definePlugin({
      name: 'fragile',
      apiVersion: API_VERSION,
      options: v.strictObject({}),
      requires: {},
      create: () => ({
        lossCompose: () => tf.tidy(() => ({ one: tf.sum(tf.gather(tf.tensor1d([1]), row)) as tf.Scalar })),
      }),
    });
    const data = coco({ annotations: await noise(), images: folder, name: 'noise' });
    let batches = 0;
    const breaking = watched(data, () => {
      if (++batches === 6) tf.tidy(() => row.assign(tf.tensor1d([7], 'int32')));
    });
    const config = (train: DatasetSource): Partial<Config> => ({
      ...taught,
      distillers: [fragile({})],
      data: { train, workers: 0 },
      accumulate: 2,
    });
    const whole = await trained('unbroken', config(data));
    const broken = trained('broken', config(breaking));
    await expect(broken).rejects.toThrow(/not in \[0, 1\)/);
    tf.tidy(() => row.assign(tf.tensor1d([0], 'int32')));
    await endsAs(whole, 'broken', config(data));
    row.dispose();
  },
);

it.runIf(ENGINE === 'tensorflow')('scales the loss where gradients are in float16, and leaves out steps', async () => {
  // As a graphics card declares it; a processor computes the same, slowly.
  const card: Engine = {
    ...engine,
    capabilities: () => ({ ...engine.capabilities(), precision: ['float32', 'float16'] }),
    precisionGain: () => ({ forward: 0.5, training: 0.5 }),
  };
  const config: Partial<Config> = {
    ...taught,
    engine: card,
    precision: 'mixed',
    epochs: 4,
    accumulate: 2,
    distillers: [fitnets({ weight: 8 })],
    optimizer: { name: 'adamw', lr: 1e-3 },
  };
  const half = await trained('half', config);
  const { logs, tensors } = half;
  const scales = logs.map(({ lossScale }) => lossScale!);
  const leftOut = 16 - Math.log2(scales.at(-1)!);
  expect(leftOut).toBeGreaterThan(0);
  expect(leftOut).toBeLessThan(logs.length);
  const counts = [...tensors].flatMap(([name, { data }]) => (name.startsWith('optimizer/count/') ? [data[0]] : []));
  expect(new Set(counts)).toEqual(new Set([logs.length - leftOut]));
  await goesOn(half, 'half-parts', config);
  // Going on in other bits is told.
  const told: string[] = [];
  const logger = { info: (text: string) => void told.push(text), warn: () => {} };
  const elsewhere = { ...config, engine, batchSize: 2, checkpoint: { every: 100 } };
  const mixed = engine.capabilities().precision.includes('bfloat16');
  for (const precision of mixed ? ['mixed', 'float32'] : ['float32'])
    await trainTiny({ ...elsewhere, precision }, { out: join(folder, 'half'), resume: true, logger });
  const changes = ['"mixed, in bfloat16"', 'none'].slice(mixed ? 0 : 1);
  expect(told.filter((text) => text.startsWith('resumed with other settings'))).toEqual(
    changes.map((now) => `resumed with other settings: precision "mixed, in float16", now ${now}`),
  );
});

it('runs its teacher in bfloat16 where the processor multiplies it, and refuses elsewhere', async () => {
  const rounded = trained('bf16', { ...taught, precision: { teacher: 'bf16' } });
  await engine.start();
  if (!engine.capabilities().precision.includes('bfloat16'))
    return expect(rounded).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('float32'),
    });
  const [first, exact] = [(await rounded).logs[0]!.terms, whole.logs[0]!.terms];
  const off = (name: string): number => Math.abs(first[name]! / exact[name]! - 1);
  expect(off('fitnets.hint')).toBeLessThan(1e-2);
  expect(off('fitnets.hint')).toBeGreaterThan(1e-7);
  // The student is in float32.
  for (const name of ['classification', 'bbox_regression']) expect(off(name), name).toBeLessThan(1e-5);
});
