import { beforeAll } from 'vitest';
import { boxOps } from './ops/boxes.js';
import { checkCase, type Op, type OpCase } from './ops/case.js';
import { fcosOps } from './ops/fcos.js';
import { layerOps } from './ops/layers.js';
import { lossOps } from './ops/losses.js';
import { optimiserOps } from './ops/optimisers.js';
import { roiAlignOps } from './ops/roi-align.js';
import { checkTables } from './ops/tables.js';
import { transformOps } from './ops/transform.js';
import { startEngine } from './support/engine.js';
import { casesOf, describeGolden, goldenTest, readWhole, type TensorInfo } from './support/index.js';

const ops: Readonly<Record<string, Op>> = {
  ...boxOps,
  ...lossOps,
  ...layerOps,
  ...fcosOps,
  ...roiAlignOps,
  ...optimiserOps,
  ...transformOps,
};

beforeAll(async () => {
  await startEngine();
});

describeGolden('ops', (area) => {
  const infos = area.index['tensors'] as Readonly<Record<string, Readonly<Record<string, TensorInfo>>>>;
  for (const one of casesOf<OpCase>(area)) {
    goldenTest('op', one.op, one.name, () =>
      readWhole(
        one,
        async (one) => {
          const op = ops[one.op];
          if (op === undefined)
            throw new Error(`op "${one.op}" is listed as built, but no runner below tests/golden/ops knows it.`);
          await checkCase(one, op, await area.tensors(one.file), infos[one.file]!);
          // The size that the features of a pyramid were made for, which are stored.
        },
        one.op === 'MultiScaleRoIAlign' ? ['params.batch_hw'] : [],
      ),
    );
  }
  checkTables(area.index['tables'] as Readonly<Record<string, unknown>>);
});
