import { type Engine, STEP_KERNELS } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { arrayCases } from './engine/array-cases.js';
import { elementwiseCases } from './engine/elementwise-cases.js';
import { emptyCases } from './engine/empty-cases.js';
import { checkCompile } from './engine/compile-contract.js';
import { checkEngineCase, type EngineCase } from './engine/engine-case.js';
import { imageCases } from './engine/image-cases.js';
import { recordKernels } from './record-kernels.js';

export interface EngineSuiteOptions {
  /** Names of cases that the engine refuses with an error: each must throw, so that none of them computes garbage. */
  readonly refuses?: readonly RegExp[];
  /**
   * Of the cases of each op one in so many, and at least one, each op at another turn of the shapes (default 1, all):
   * for an engine that takes long to compile what is small.
   */
  readonly every?: number;
  /** Milliseconds a test may take. */
  readonly timeout?: number;
}

/** Each op, which a case's name begins with, and each shape; not each with each. */
function oneIn(every: number, cases: readonly EngineCase[]): readonly EngineCase[] {
  const ops = new Map<string, EngineCase[]>();
  for (const one of cases) {
    const op = one.name.split(/[ ,]/, 1)[0]!;
    ops.set(op, [...(ops.get(op) ?? []), one]);
  }
  return [...ops.values()].flatMap((of, turn) => {
    const first = turn % Math.min(every, of.length);
    return of.filter((_, k) => k % every === first);
  });
}

/**
 * The contract of engines as a vitest suite: every kernel that steps of detectors and plugins ask for, with its
 * gradient, over odd shapes, broadcast, whole numbers, nothing at all and what is no number, against numbers of 64 bits
 * worked out beside it.
 */
export function testEngine(
  engine: Engine,
  { refuses = [], every = 1, timeout = 60_000 }: EngineSuiteOptions = {},
): void {
  describe(`the engine ${engine.name}`, { timeout }, () => {
    const seen = new Set<string>();
    // Once more before each: an engine may hold on to what failed in a test before.
    beforeEach(async () => void (await engine.start()), timeout);

    it('says what it is and what it can', async () => {
      const info = await engine.start();
      const { kernels, nativeOps, compile, ...can } = engine.capabilities();
      expect(can).toMatchObject({ threads: info.threads, device: info.device });
      expect(can.precision).toContain('float32');
      expect(can.deviceName).not.toBe('');
      expect(can.memoryLimit ?? undefined).toBe(info.memoryLimit);
      expect(nativeOps).toBe(engine.runOp !== undefined);
      expect(typeof compile).toBe('boolean');
      if (compile) expect(engine.compile).toBeTypeOf('function');
      expect(kernels.size).toBeGreaterThan(0);
    });

    describe.each(Object.entries({ elementwiseCases, arrayCases, emptyCases, imageCases }))('%s', (_, cases) => {
      it.each(oneIn(every, cases).map((one) => [one.name, one] as const))('%s', async (name, one) => {
        const refused = refuses.some((pattern) => pattern.test(name));
        const names = await recordKernels(() =>
          refused ? expect(checkEngineCase(one)).rejects.toThrow() : checkEngineCase(one),
        );
        for (const kernel of names) seen.add(kernel);
      });
    });

    it('reads at once where it says so', async () => {
      const x = tf.tensor1d([1, 2]);
      const twice = tf.mul(x, x.shape[0]);
      if (engine.capabilities().syncReads) expect([...twice.dataSync()]).toEqual([2, 4]);
      expect([...(await twice.data())]).toEqual([2, 4]);
      tf.dispose([x, twice]);
    });

    it('compiles functions where it says so', async ({ skip }) => {
      skip(!engine.capabilities().compile, 'it does not compile');
      await checkCompile(engine);
    });

    it('has every kernel that a step asks for, and each was compared here', () => {
      const { kernels } = engine.capabilities();
      expect(STEP_KERNELS.filter((name) => !kernels.has(name))).toEqual([]);
      expect(STEP_KERNELS.filter((name) => !seen.has(name))).toEqual([]);
    });
  });
}
