// Every kind of detector, tiny, with what docs/methods.md says that it can be taught by.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cascadeRcnn, fasterRcnn } from '@kd/detector-faster-rcnn';
import { fcos } from '@kd/detector-fcos';
import { atss, gfl } from '@kd/detector-gfl';
import { retinanet } from '@kd/detector-retinanet';
import { root } from './root.js';

/** A model of a few thousand weights and as few levels as can be; a teacher is wider inside, and has the same neck. */
const trunk = (width: number) => ({
  backbone: { block: 'basic' as const, layers: [1, 1, 1, 1] as [number, number, number, number], width },
  fpnChannels: 8,
  extra: 'none' as const,
  input: { fixedSize: [96, 96] as [number, number] },
});
const two = (width: number) => ({
  ...trunk(width),
  anchors: { sizes: [[8], [16], [32], [64]] },
  rpn: { preNmsTopN: 50, postNmsTopN: 32, batchSize: 32 },
  roi: { batchSize: 16, canonicalScale: 32 },
  box: { representationSize: 16 },
});
export const KINDS = {
  retinanet: (width: number) =>
    retinanet({ ...trunk(width), head: { depth: 1 }, anchors: { sizes: [[16], [32], [64]] } }),
  fcos: (width: number) => fcos({ ...trunk(width), head: { depth: 1, groups: 2 } }),
  atss: (width: number) => atss({ ...trunk(width), head: { depth: 1, groups: 2 } }),
  gfl: (width: number) => gfl({ ...trunk(width), head: { depth: 1, groups: 2 } }),
  'faster-rcnn': (width: number) => fasterRcnn(two(width)),
  'cascade-rcnn': (width: number) => cascadeRcnn(two(width)),
};

/** Cells of the tables of a page whose first cell is a name in backticks. */
const rows = readFileSync(join(root, 'docs/methods.md'), 'utf8')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(([, first]) => /^(\[`|`|method$)/.test(first ?? ''))
  .map((cells) => cells.slice(1, -1));
export const nameOf = (cell: string): string => /`(.*?)`/.exec(cell)![1]!;
const [head, ...table] = rows.slice(
  0,
  rows.findIndex(([first], i) => i > 0 && first === 'method'),
);
export { table };
export const kinds = head!.slice(1).map(nameOf);
export const words = new Map(rows.slice(table.length + 2).map(([method, text]) => [nameOf(method!), text!]));
/** What a kind of detector can be taught by, or cannot. */
export const methodsOf = (kind: string, can: boolean): string[] =>
  table.filter((cells) => (cells[1 + kinds.indexOf(kind)] !== 'no') === can).map(([method]) => nameOf(method!));

const twoStage = (kind: string): boolean => kind.endsWith('rcnn');
/** The methods dealt out to detectors of one stage, and to those of two, among those that each can be taught by. */
export const compiledOn = (kind: string): string[] =>
  methodsOf(kind, true).filter((method) => {
    const able = kinds.filter((one) => twoStage(one) === twoStage(kind) && methodsOf(one, true).includes(method));
    return able[table.findIndex(([cell]) => nameOf(cell!) === method) % able.length] === kind;
  });

/** Options for pictures of 96 pixels, and terms that count from the first step on. */
const OPTIONS: Readonly<Record<string, Record<string, unknown>>> = {
  fgfi: { finest: 8 },
  frs: { schedule: {} },
  gid: { minSide: 4 },
  icd: { heads: 2, schedule: {} },
};
/** Those of two-stage detectors alone. */
const OF_TWO_STAGES: Readonly<Record<string, Record<string, unknown>>> = { crosskd: { rpn: {} } };

/** Methods with options for pictures of 96 pixels, and terms that count from the first step on. */
export const withOptions = (kind: string, methods: readonly string[]): [string, Record<string, unknown>][] =>
  methods.map((name) => [name, { ...OPTIONS[name], ...(twoStage(kind) && OF_TWO_STAGES[name]) }]);
