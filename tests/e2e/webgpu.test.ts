// Slow on a graphics card in software, so on demand alone: KD_ENGINE=webgpu vitest run --project e2e webgpu
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainerEvent } from '@kd/core';
import { diagnose, tensorflow } from '@kd/engine-tensorflow';
import { wasm } from '@kd/engine-wasm';
import { webgpu } from '@kd/engine-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { ENGINE } from '../named-engine.js';
import { temporaryFolder } from './kd.js';
import { KINDS, withOptions } from './tiny-detectors.js';
import { logsOf, picturesFor, trainTiny } from './train-tiny.js';

const onCard = ENGINE === 'webgpu' ? (await import('../graphics-card.js')).describeOnGraphicsCard : describe.skip;
/** Native TensorFlow, where it is set up. */
const { usable, wouldDownload } = await diagnose();
const other = usable && wouldDownload === null ? tensorflow() : wasm();

/** To 1e-5; a term that is next to nothing, a divergence of what is alike, is rounded as the numbers that it is of. */
const near = (found: readonly number[], wanted: readonly number[]): void => {
  const rounding = 1e-6 * Math.max(...wanted.map(Math.abs));
  wanted.forEach((value, i) =>
    expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(Math.max(1e-5 * Math.abs(value), rounding)),
  );
};

onCard('distillation by WebGPU (KD_ENGINE=webgpu runs it)', () => {
  const folder = temporaryFolder();
  const teacher = join(folder, 'teacher');

  /** Losses by step, and what was told. */
  async function train(
    out: string,
    config: Readonly<Record<string, unknown>>,
    resume = false,
    onEvent = (_: TrainerEvent): void => {},
  ) {
    const told: string[] = [];
    const logger = { info: (line: string) => void told.push(line), warn: (line: string) => void told.push(line) };
    const pupil = { student: KINDS.retinanet(4), teacher: { weights: teacher }, distillers: ['ssim'] };
    const whole = { ...pupil, data: picturesFor('pictures', 4), batchSize: 2, compile: false, seed: 3, ...config };
    const events = await trainTiny(whole, { out: join(folder, out), resume, logger, onEvent });
    return { losses: new Map(logsOf(events).map(({ step, terms }) => [step, Object.values(terms)])), told };
  }

  it('has the losses of WebAssembly; where the device is lost, a run goes on there, or anew by WebGPU, from the step before', async () => {
    await train('teacher', { student: KINDS.retinanet(6), teacher: undefined, distillers: [], engine: wasm() });
    const all = await train('wasm', { engine: wasm() });
    // No checkpoint is due before the end of the epoch, which the second step never reaches.
    const begun = new Map<number, readonly number[]>();
    const lose = (event: TrainerEvent): void => {
      if (event.type === 'log') begun.set(event.step, Object.values(event.terms));
      if (event.type === 'step' && event.step === 2)
        (tf.backend() as unknown as { device: GPUDevice }).device.destroy();
    };
    await expect(train('lost', { engine: webgpu() }, false, lose)).rejects.toThrow(/graphics device was lost/);
    cpSync(join(folder, 'lost'), join(folder, 'elsewhere'), { recursive: true });
    const elsewhere = await train('elsewhere', { engine: wasm() }, true);
    expect(elsewhere.told.join('\n')).toContain('equal to the tolerance of floats, not bit for bit');
    const anew = await train('lost', { engine: webgpu() }, true);
    near(begun.get(1)!, all.losses.get(1)!);
    for (const { losses } of [elsewhere, anew]) {
      expect([...losses.keys()]).toEqual([2]);
      near(losses.get(2)!, all.losses.get(2)!);
    }
  });

  it.each([
    ['retinanet', 'pkd'],
    ['fcos', 'crosskd'],
    ['atss', 'crosskd'],
    ['gfl', 'ld'],
    ['faster-rcnn', 'ssim'],
    ['cascade-rcnn', 'crosskd'],
  ] as const)(`has the losses of ${other.name} in steps of %s taught by %s`, async (kind, method) => {
    const of = (name: string): string => `${kind}-${name}`;
    const alone = { student: KINDS[kind](6), teacher: undefined, distillers: [], engine: wasm() };
    await train(of('teacher'), alone);
    const taught = {
      student: KINDS[kind](4),
      teacher: { weights: join(folder, of('teacher')) },
      distillers: withOptions(kind, [method]),
    };
    const [found, wanted] = [
      await train(of('webgpu'), { ...taught, engine: webgpu() }),
      await train(of(other.name), { ...taught, engine: other }),
    ];
    expect([...found.losses.keys()]).toEqual([1, 2]);
    for (const [step, losses] of wanted.losses) near(found.losses.get(step)!, losses);
  });
});
