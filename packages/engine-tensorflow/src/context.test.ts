import { execFile } from 'node:child_process';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { needsTensorflow } from '../../../tests/needs-tensorflow.js';
import type { TensorflowOptions } from './engine.js';
import { startTensorflow } from './testing/traced.js';

needsTensorflow(startTensorflow);

/** A context is made once a process. */
const PROGRAM = `
import { readdirSync } from 'node:fs';
import { tensorflow } from '@kd/engine-tensorflow';
import * as tf from '@tensorflow/tfjs-core';
const engine = tensorflow(JSON.parse(process.argv[1]));
const { threads } = await engine.start();
const logger = { info() {}, warn() {} };
const fn = engine.compile((x) => tf.sum(tf.sqrt(tf.add(tf.square(x), 0))), { name: 'a sum', logger });
const x = tf.ones([64, 64]);
const [sum] = fn(x).dataSync();
const tasks = process.platform === 'linux' ? readdirSync('/proc/self/task').length : null;
console.log(JSON.stringify({ sum, threads, tasks }));
`;

/** What a process with these options says, on standard error as well, and what XLA left of what it compiled. */
async function started(options: TensorflowOptions) {
  const { TF_NUM_INTRAOP_THREADS: _, TF_NUM_INTEROP_THREADS: __, ...rest } = process.env;
  const dump = await mkdtemp(join(tmpdir(), 'kd-xla-'));
  const env = {
    ...rest,
    TF_CPP_MIN_LOG_LEVEL: '0',
    TF_CPP_VMODULE: 'meta_optimizer=1',
    XLA_FLAGS: `--xla_dump_to=${dump}`,
  };
  const given = ['--input-type=module', '-e', PROGRAM, JSON.stringify(options)];
  // In a package that has this one and tfjs-core.
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, given, { cwd, env });
  const said = JSON.parse(stdout) as { sum: number; threads: number; tasks: number | null };
  expect(said.sum).toBe(64 * 64);
  return { ...said, optimised: stderr.includes('meta_optimizer.cc'), xla: (await readdir(dump)).length > 0 };
}

it('has the threads that are asked for, grappler unless it is not wanted, and XLA where it is', async () => {
  const few = await started({ intraOpThreads: 1, interOpThreads: 1 });
  expect(few).toMatchObject({ threads: 1, optimised: true, xla: false });
  const many = await started({ intraOpThreads: 3, interOpThreads: 5, grappler: false });
  expect(many).toMatchObject({ threads: 3, optimised: false, xla: false });
  if (few.tasks !== null) expect(many.tasks! - few.tasks).toBeGreaterThanOrEqual(5);
  expect(await started({ intraOpThreads: 1, xla: true })).toMatchObject({ xla: true });
}, 120_000);
