import { gfl, type GflInput } from '@kd/detector-gfl';
import { testPlugin } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { ld } from './index.js';

const engine = await namedEngine();

const tiny = (width: number): GflInput => ({
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width },
  fpnChannels: 4,
  extra: 'none',
  head: { depth: 1, groups: 2 },
  regMax: 4,
  input: { fixedSize: [64, 64] },
});
// Another width below the heads, whose edges are the same.
const models = { student: gfl(tiny(2)), teacher: gfl(tiny(4)) };

testPlugin(ld, { engine, taps: false, ...models });
testPlugin(ld, { engine, taps: false, options: { overlap: 'iof', instanceWeights: false, temperature: 2 }, ...models });
