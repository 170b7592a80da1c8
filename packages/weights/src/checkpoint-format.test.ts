import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { CheckpointFormat } from '@kd/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { safetensorsFormat } from './checkpoint-format.js';

let folder: string;
let file: string;
const tensors = new Map([['a', { dtype: 'F16' as const, shape: [2], data: new Uint16Array([0x3c00, 0xc000]) }]]);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-format-'));
  file = join(folder, 'a.safetensors');
  await safetensorsFormat.write(file, tensors, { picture: '3' });
});
afterAll(() => rm(folder, { recursive: true }));

describe('safetensors as a format of checkpoints', () => {
  it('says whether a file has its hash', async () => {
    expect(await safetensorsFormat.read(file)).toEqual({ tensors, metadata: { picture: '3' }, hashed: true });
    const header = JSON.stringify({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const foreign = join(folder, 'foreign.safetensors');
    await writeFile(foreign, Buffer.concat([length, Buffer.from(header), Buffer.from([7])]));
    expect((await safetensorsFormat.read(foreign)).hashed).toBe(false);
  });

  it('reads in a thread what it reads here, without TensorFlow.js', async () => {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module)
        .then(({ read }) => read(workerData.file))
        .then((stored) => parentPort.postMessage({ stored, tf: Object.keys(globalThis).includes('_tfengine') }));`;
    const worker = new Worker(code, {
      eval: true,
      execArgv: [],
      workerData: { module: safetensorsFormat.thread, file },
    });
    const answer = await new Promise<{ stored: Awaited<ReturnType<CheckpointFormat['read']>>; tf: boolean }>(
      (resolve, reject) => worker.once('message', resolve).once('error', reject),
    );
    await worker.terminate();
    expect(answer.stored).toEqual(await safetensorsFormat.read(file));
    expect(answer.tf).toBe(false);
  });
});
