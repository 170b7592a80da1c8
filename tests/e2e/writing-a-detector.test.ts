import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DetectorOutput, detectInParts } from '@kd/core';
import { cpuEngine, testDetector } from '@kd/testing';
import { buildDenseHead, cellCentres, denseEntries, runStagedHead, strictOptions } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import squares from './configs/squares.js';
import { config, kd, root, temporaryFolder } from './kd.js';
import { codeOf, loggedTerms, shownCode, testStandsInFiles } from './page-code.js';

testDetector(squares, {
  options: {
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
    fpnChannels: 4,
    depth: 2,
    input: { minSize: 64, maxSize: 64 },
  },
});

const PAGE = 'docs/writing-a-detector.md';

describe(PAGE, () => {
  test('has the detector that is trained below, whole', () => {
    expect(codeOf(PAGE, 'ts')[0]!.code).toBe(shownCode('squares.ts'));
  });

  testStandsInFiles(PAGE, [
    config('squares.ts'),
    config('squares-taught.config.ts'),
    join(root, 'packages/testing/src/toy-detector.ts'),
    fileURLToPath(import.meta.url),
  ]);
});

describe('the parts of a dense detector', () => {
  test('are an entry with another default, a head with stops, and a grid of cell centres', async () => {
    const entries = { ...denseEntries, norm: v.optional(denseEntries.norm.wrapped, 'frozen') };
    expect(v.parse(strictOptions(entries), {}).norm).toBe('frozen');

    await cpuEngine().start();
    const head = buildDenseHead({
      detector: 'squares',
      branches: {
        cls: {
          block: (i) => ({ conv: `head.cls.${i}`, norm: `head.cls.${i}.norm`, tap: `head.cls.${i}` }),
          outputs: { cls: { layer: 'head.cls.out', channels: 2 } },
        },
      },
      inChannels: 3,
      depth: 2,
      channels: 4,
      norm: 'none',
      groups: 1,
      strides: [8],
      seed: 1,
    });
    const levels = [tf.randomNormal<tf.Rank.R4>([1, 8, 8, 3], 0, 1, 'float32', 1)];
    const tapped: Record<string, tf.Tensor4D> = {};
    const predictions = runStagedHead(head, levels, { wanted: ['head.cls.0@p3'], tapped, training: false });
    const whole = head.run('cls', levels[0]!, { level: 0 })['cls']!;
    expect([...predictions['cls']![0]!.dataSync()]).toEqual([...whole.dataSync()]);
    const feature = head.run('cls', levels[0]!, { level: 0, to: 1 })['feature']!;
    expect([...tapped['head.cls.0@p3']!.dataSync()]).toEqual([...feature.dataSync()]);

    const centres = cellCentres([[8, 8]], [64, 64], { strides: [8], sizes: [8] });
    expect([...centres.boxes.dataSync().slice(0, 8)]).toEqual([0, 0, 8, 8, 8, 0, 16, 8]);
  });
});

test('detections in parts are found by both together', async () => {
  await cpuEngine().start();
  const { detect, detection } = detectInParts({
    // Inside of a tidy; in a graph, where `dataSync` is refused.
    compute: ({ predictions }) => ({ scores: tf.max(tf.sigmoid(predictions['cls']![0]!), [1, 2]) }), // [b, classes]
    // [height, width] of each image: `imageSizes` in the batch, `originalSizes` as decoded, which boxes are told in.
    select: async ({ scores }, { ids, originalSizes }) => {
      const rows = (await scores.array()) as number[][];
      return ids.map((id, image) => ({
        id,
        boxes: Float32Array.of(0, 0, originalSizes[image]![1], originalSizes[image]![0]),
        scores: Float32Array.of(Math.max(...rows[image]!)),
        labels: Int32Array.of(rows[image]!.indexOf(Math.max(...rows[image]!))),
      }));
    },
  });
  const cls = [tf.tensor4d([-1, 2, 0, -3], [1, 1, 2, 2])];
  const output = { predictions: { cls }, levels: [], taps: {}, updates: [] } as unknown as DetectorOutput;
  const sizes = { imageSizes: [[32, 64]], originalSizes: [[40, 80]], ids: ['a'], shape: [1, 32, 64, 3] } as const;
  const before = tf.memory().numTensors;
  const found = await detect(output, { ...sizes, images: new Float32Array() } as never);
  expect(found).toEqual([
    {
      id: 'a',
      boxes: Float32Array.of(0, 0, 80, 40),
      scores: Float32Array.of(1 / (1 + Math.exp(-2))),
      labels: Int32Array.of(1),
    },
  ]);
  const compute = () => detection.compute(output, { imageSizes: tf.zeros([1, 2]), paddedSize: [32, 64] });
  const tensors = tf.tidy(() => compute() as never);
  expect(await detection.select(tensors, sizes)).toEqual(found);
  tf.dispose(tensors);
  expect(tf.memory().numTensors).toBe(before);
  tf.dispose(cls);
});

describe('the detector of the page', () => {
  const teacher = join(temporaryFolder(), 'teacher');
  beforeAll(async () => {
    const { code, stderr } = await kd(['train', config('squares.config.ts'), '--out', teacher, '--seed', '1']);
    expect(code, stderr).toBe(0);
  });

  test('trains alone', () => {
    const [first, second] = loggedTerms(teacher);
    expect(Object.keys(first!)).toEqual(expect.arrayContaining(['classification', 'box']));
    expect(second!['classification']).not.toBe(first!['classification']);
  });

  test('is taught by CrossKD and by PKD', async () => {
    const out = join(temporaryFolder(), 'student');
    const { code, stderr } = await kd(['train', config('squares.config.ts'), '--out', out], {
      env: { KD_E2E_TEACHER: teacher },
    });
    expect(code, stderr).toBe(0);
    expect(loggedTerms(out)).toHaveLength(2);
    for (const step of loggedTerms(out))
      for (const name of ['crosskd.cls', 'crosskd.reg', 'pkd.feat']) expect(step[name], name).toBeGreaterThan(1e-6);
  });
});
