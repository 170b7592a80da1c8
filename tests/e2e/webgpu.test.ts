// Slow on a graphics card in software, so on demand alone: KD_ENGINE=webgpu vitest run --project e2e webgpu
import { join } from 'node:path';
import type { Config } from '@kd/core';
import { wasm } from '@kd/engine-wasm';
import { webgpu } from '@kd/engine-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { ENGINE } from '../named-engine.js';
import { temporaryFolder } from './kd.js';
import { KINDS } from './tiny-detectors.js';
import { logsOf, picturesFor, trainTiny } from './train-tiny.js';

const onCard = ENGINE === 'webgpu' ? (await import('../graphics-card.js')).describeOnGraphicsCard : describe.skip;
onCard('distillation by WebGPU (KD_ENGINE=webgpu runs it)', () => {
  const folder = temporaryFolder();
  const teacher = join(folder, 'teacher');

  /** Losses by step, and what was told. */
  async function train(out: string, config: Partial<Config>, resume = false, onStart = (): void => {}) {
    const told: string[] = [];
    const logger = { info: (line: string) => void told.push(line), warn: (line: string) => void told.push(line) };
    const pupil = { student: KINDS.retinanet(4), teacher: { weights: teacher }, distillers: ['ssim'] };
    const whole = { ...pupil, data: picturesFor('pictures', 2), batchSize: 2, compile: false, epochs: 2, ...config };
    const onEvent = ({ type }: { readonly type: string }): void => (type === 'start' ? onStart() : undefined);
    const events = await trainTiny(whole as Partial<Config>, { out: join(folder, out), resume, logger, onEvent });
    return { losses: new Map(logsOf(events).map(({ step, terms }) => [step, Object.values(terms)])), told };
  }

  it('has the losses of WebAssembly; where the device is lost, the run goes on there from its checkpoint', async () => {
    await train('teacher', { student: KINDS.retinanet(6), teacher: undefined, distillers: [], engine: wasm() });
    const all = await train('wasm', { engine: wasm() });
    const begun = await train('both', { engine: webgpu(), epochs: 1 });
    const lose = (): void => (tf.backend() as unknown as { device: GPUDevice }).device.destroy();
    await expect(train('both', { engine: webgpu(), epochs: 2 }, true, lose)).rejects.toThrow(
      /graphics device was lost/,
    );
    const rest = await train('both', { engine: wasm(), epochs: 2 }, true);
    expect(rest.told.join('\n')).toContain('equal to the tolerance of floats, not bit for bit');
    const near = (found: readonly number[], wanted: readonly number[]): void =>
      wanted.forEach((value, i) => expect(Math.abs(found[i]! / value - 1)).toBeLessThan(1e-4));
    near(begun.losses.get(1)!, all.losses.get(1)!);
    near(rest.losses.get(2)!, all.losses.get(2)!);
  });
});
