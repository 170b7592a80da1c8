import { execFile } from 'node:child_process';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { needsTensorflow } from '../../../tests/needs-tensorflow.js';
import { startTensorflow } from './testing/traced.js';

needsTensorflow(startTensorflow);

/** A convolution that becomes oneDNN's product of matrices for AVX-512. */
const CONVOLUTIONS = `
import * as tf from '@tensorflow/tfjs-core';
import { tensorflow } from '@kd/engine-tensorflow';
await tensorflow().start();
const [x, filter, bias] = [tf.ones([1, 80, 112, 32]), tf.ones([3, 3, 32, 3]), tf.ones([3])];
for (const end = performance.now() + 500; performance.now() < end; )
  tf.tidy(() => tf.fused.conv2d({ x, filter, bias, strides: 1, pad: 'same' }));
`;

it('computes while signals interrupt it, as under a profiler of the processor', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-profile-'));
  const profiled = ['--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-dir', folder];
  // In a package that has this one and tfjs-core.
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  await promisify(execFile)(process.execPath, [...profiled, '--input-type=module', '-e', CONVOLUTIONS], { cwd });
  expect(await readdir(folder)).toHaveLength(1);
}, 120_000);
