import { cpuEngine } from '@kd/testing';
import { expect, it } from 'vitest';
import { taughtToWalk } from '../../test/taught.js';
import { run, toyConfig } from '../../test/toy-run.js';
import type { DatasetSource, Loader } from '../contract/data.js';
import type { CompileOptions, Engine } from '../contract/engine.js';
import { KdError } from '../errors.js';

const { distilled } = taughtToWalk();

/** As if batches were padded to so many sizes. */
const padded = (source: DatasetSource, sizes: number): DatasetSource => ({
  ...source,
  open: async (context) => {
    const dataset = await source.open(context);
    const paddedSizes = Array.from({ length: sizes }, (_, i) => [16 * i, 16] as const);
    return {
      ...dataset,
      loader: (options) => Object.create(dataset.loader(options), { paddedSizes: { value: paddedSizes } }) as Loader,
    };
  },
});

it.each([
  [1, 8],
  [20, 24],
])('keeps a graph for each size that batches are padded to, and some more: of %i sizes %i', async (sizes, most) => {
  const asked: CompileOptions[] = [];
  const engine: Engine = {
    ...cpuEngine(),
    capabilities: () => ({ ...cpuEngine().capabilities(), compile: true }),
    compile: (_, options) => {
      asked.push(options);
      const refuse = (): never => {
        throw new KdError('COMPILE_REFUSED', 'it is not.');
      };
      return options.name === 'the update of the weights'
        ? (Object.assign(() => null as never, { clear: () => {} }) as never)
        : Object.assign(refuse, { clear: () => {} });
    },
  };
  const { train } = toyConfig().data as { train: DatasetSource };
  await run(distilled({ engine, epochs: 1, data: { train: padded(train, sizes), workers: 0 } }));
  expect(asked.find(({ name }) => name === 'the training step')?.most).toBe(most);
});
