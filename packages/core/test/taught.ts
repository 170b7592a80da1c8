import { cpuEngine, toyDetector } from '@kd/testing';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Config } from '../src/config.js';
import { expectNoLeaks } from './live-tensors.js';
import { calls, mimic } from './mimic.js';
import { removeFolders, run, toyConfig } from './toy-run.js';
import { seen, walk } from './walk.js';

export interface Taught {
  /** A run of a student of another width than its teacher. */
  readonly distilled: (more?: Partial<Config>) => Config;
  /** The folder of the teacher's run. */
  readonly teacher: () => string;
}

/**
 * For a file of tests: the plain engine, a teacher that one run of an epoch trained, students with `common` of it; no
 * test leaves a tensor behind, and the file no folder.
 */
export function taught(common: () => Partial<Config> = () => ({})): Taught {
  const wide = () => toyDetector({ width: 6, size: 16 });
  let out: string;
  beforeAll(async () => {
    await cpuEngine().start();
    ({ out } = await run(toyConfig({ student: wide(), epochs: 1, seed: 5 })));
  });
  expectNoLeaks();
  afterAll(removeFolders);
  return {
    teacher: () => out,
    distilled: (more = {}) => toyConfig({ teacher: { weights: out, detector: wide() }, ...common(), ...more }),
  };
}

/** Students with an adapter, random numbers, a state, an average and a pass; `calls` is emptied before each test. */
export function taughtToMimic(): Taught {
  beforeEach(() => void (calls.length = 0));
  return taught(() => ({ distillers: [mimic({ noise: 0.5, pass: true })], ema: { decay: 0.8 } }));
}

/** Eight steps with a pass before each epoch of four; `seen` is emptied before each test. */
export function taughtToWalk(): Taught {
  beforeEach(() => void (seen.length = 0));
  return taught(() => ({ distillers: [walk()], epochs: 2 }));
}
