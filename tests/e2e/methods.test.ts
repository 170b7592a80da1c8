// Every method on every kind of detector, as docs/methods.md has it.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, importByName, readManifests, Trainer, type TrainerEvent } from '@kd/core';
import { ports } from '@kd/cli';
import { cascadeRcnn, fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namedEngine } from '../named-engine.js';
import { root } from './kd.js';

/** A model of a few thousand weights; a teacher is wider inside, and has the same neck. */
const trunk = (width: number) => ({
  backbone: { block: 'basic' as const, layers: [1, 1, 1, 1] as [number, number, number, number], width },
  fpnChannels: 8,
  input: { fixedSize: [96, 96] as [number, number] },
});
const two = (width: number) => ({
  ...trunk(width),
  anchors: { sizes: [[8], [16], [32], [64], [128]] },
  rpn: { preNmsTopN: 50, postNmsTopN: 32, batchSize: 32 },
  roi: { batchSize: 16, canonicalScale: 32 },
  box: { representationSize: 16 },
});
const KINDS = {
  retinanet: (width: number) => retinanet({ ...trunk(width), head: { depth: 1 } }),
  fcos: (width: number) => fcos({ ...trunk(width), head: { depth: 1, groups: 2 } }),
  atss: (width: number) => atss({ ...trunk(width), head: { depth: 1, groups: 2 } }),
  gfl: (width: number) => gfl({ ...trunk(width), head: { depth: 1, groups: 2 } }),
  'faster-rcnn': (width: number) => fasterRcnn(two(width)),
  'cascade-rcnn': (width: number) => cascadeRcnn(two(width)),
};

const pictures = {
  format: 'synthetic',
  classes: ['striped-disk', 'speckled-ring'],
  size: 96,
  sizes: [20, 60],
  objects: [1, 3],
};

/** Cells of the tables of a page whose first cell is a name in backticks. */
const rows = readFileSync(join(root, 'docs/methods.md'), 'utf8')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(([, first]) => /^(\[`|`|method$)/.test(first ?? ''))
  .map((cells) => cells.slice(1, -1));
const nameOf = (cell: string): string => /`(.*?)`/.exec(cell)![1]!;
const [head, ...table] = rows.slice(
  0,
  rows.findIndex(([first], i) => i > 0 && first === 'method'),
);
const kinds = head!.slice(1).map(nameOf);
const words = new Map(rows.slice(table.length + 2).map(([method, text]) => [nameOf(method!), text!]));
/** What a kind of detector can be taught by, or cannot. */
const methodsOf = (kind: string, can: boolean): string[] =>
  table.filter((cells) => (cells[1 + kinds.indexOf(kind)] !== 'no') === can).map(([method]) => nameOf(method!));

/** Options for pictures of 96 pixels, and terms that count from the first step on. */
const OPTIONS: Readonly<Record<string, Record<string, unknown>>> = {
  fgfi: { finest: 8 },
  frs: { schedule: {} },
  gid: { minSide: 4 },
  icd: { heads: 2, schedule: {} },
};
/** Those of two-stage detectors alone. */
const OF_TWO_STAGES: Readonly<Record<string, Record<string, unknown>>> = { crosskd: { rpn: {} } };

it('knows every distiller and every detector that is here', async () => {
  const { declared } = await readManifests(root);
  const named = (kind: string): string[] => declared.filter((one) => one.kind === kind).map(({ name }) => name);
  expect(table.map(([method]) => nameOf(method!)).sort()).toEqual(named('distiller').sort());
  expect([...kinds].sort()).toEqual(named('detector').sort());
  expect(Object.keys(KINDS)).toEqual(kinds);
});

it('reads the weights of instances where the page of @kd/plugin-prototype says so, and is told not to by one option', async () => {
  const page = readFileSync(join(root, 'packages/plugin-prototype/README.md'), 'utf8');
  const said = page
    .split('\n')
    .map((line) => /^\| ((?:`[a-z]+`(?:, )?)+) \| (levels|response|levels; response|–) \|/.exec(line))
    .flatMap((row) =>
      row ? row[1]!.split(', ').map((name): [string, boolean] => [name.slice(1, -1), row[2] !== '–']) : [],
    );
  const takes = async (name: string): Promise<boolean> => {
    const { options } = await importByName('distiller', name, root);
    const result = await options['~standard'].validate({ instanceWeights: false });
    return result.issues === undefined;
  };
  const names = table.map(([method]) => nameOf(method!)).filter((name) => name !== 'prototype');
  const found = await Promise.all(names.map(async (name): Promise<[string, boolean]> => [name, await takes(name)]));
  expect(Object.fromEntries(said)).toEqual(Object.fromEntries(found));
});

describe.each(Object.entries(KINDS))('on %s', (kind, model) => {
  let folder: string;
  const run = async (out: string, more: Partial<Config>): Promise<TrainerEvent[]> => {
    const events: TrainerEvent[] = [];
    const config = {
      engine: await namedEngine(),
      student: model(4),
      data: {
        train: { ...pictures, name: kind, images: 6, seed: 1 },
        val: { ...pictures, name: `${kind}-val`, images: 2, seed: 2 },
        workers: 0,
      },
      batchSize: 2,
      epochs: 1,
      optimizer: { name: 'adamw', lr: 1e-3 },
      log: { every: 1 },
      ...more,
    } as unknown as Config;
    await new Trainer(config, {
      ...ports,
      folder: root,
      out: join(folder, out),
      listeners: [{ name: 'test', on: (event) => void events.push(event) }],
    }).fit();
    return events;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kd-methods-'));
    await run('teacher', { student: model(6), batchSize: 6, evaluate: { every: 0 } });
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('learns from all that the page promises, beside weights of instances, with constant tensors', async () => {
    const methods = methodsOf(kind, true);
    const events = await run('student', {
      teacher: { weights: join(folder, 'teacher') },
      distillers: methods.map((name): [string, Record<string, unknown>] => [
        name,
        { ...OPTIONS[name], ...(kind.endsWith('rcnn') && OF_TWO_STAGES[name]) },
      ]),
    });
    const logs = events.flatMap((event) => (event.type === 'log' ? [event] : []));
    expect(logs).toHaveLength(3);
    for (const { terms } of logs)
      for (const [name, value] of Object.entries(terms)) expect(Number.isFinite(value), `${name}: ${value}`).toBe(true);
    for (const method of methods) {
      const values = logs.flatMap(({ terms }) =>
        Object.entries(terms).flatMap(([name, value]) => (name.startsWith(`${method}.`) ? [value] : [])),
      );
      expect(Math.max(0, ...values), method).toBeGreaterThan(0);
    }
    expect(new Set(logs.slice(1).map(({ tensors }) => tensors)).size).toBe(1);
  });

  it.each(methodsOf(kind, false))('is refused by %s before the first step, with the reason', async (method) => {
    const refused = run(`refused-${method}`, { teacher: { weights: join(folder, 'teacher') }, distillers: [method] });
    await expect(refused).rejects.toMatchObject({ code: 'PLUGIN_REQUIRES' });
    const { message } = (await refused.catch((error: unknown) => error)) as Error;
    for (const part of [method, kind, words.get(method)!]) expect(message).toContain(part);
  });
});
