// A checkpoint of 150 MB (torchvision's RetinaNet, version 2, random weights) read and mapped: every tensor under our
// names and in our layouts, each of them once. Beside it `torch.load` of the same file. The file lies in the page cache:
// what is timed is all but the disk. Memory is the peak above what the process took before, in bytes of the tensors.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ratio } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'torch-read';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 7);

export async function run({ peer }) {
  if (peer === null)
    throw new Error('torch-read needs KD_PEER_PYTHON, a Python with torchvision, which writes the file.');
  const folder = mkdtempSync(join(tmpdir(), 'kd-torch-read-'));
  try {
    const results = [];
    for (const container of ['zip', 'legacy']) {
      const file = join(folder, `${container}.pth`);
      const theirs = await peer('torch_read.py', [file, container]);
      const ours = await peerFactory(process.execPath)('../ours/torch-read.mjs', [file]);
      await ours.once();
      await theirs.once();
      let [oursMs, peerMs] = [Infinity, Infinity];
      for (let round = 0; round < ROUNDS; round++) {
        oursMs = Math.min(oursMs, (await ours.once()).ms);
        peerMs = Math.min(peerMs, (await theirs.once()).ms);
      }
      ours.close();
      theirs.close();
      results.push({
        container,
        tensor_mb: Math.round(ours.about.bytes / 1e6),
        ours_ms: Math.round(oursMs),
        peer: theirs.about.peer,
        peer_ms: Math.round(peerMs),
        ratio: ratio(oursMs, peerMs),
        memory: ours.about.memory,
        timed: 'read and mapped, file in the page cache',
      });
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
