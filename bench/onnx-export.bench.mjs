// kd's ONNX export beside torchvision's own of the same network with the same weights (torch.onnx.export of the model
// that `kd export --to torchvision` builds), both with decoding and NMS, in onnxruntime-node: in one process, in turn,
// one image of 320 x 320. That both find the same is checked before anything is timed.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { least, middle, ratio, rounded } from './figures.mjs';
import { peerFactory } from './peer.mjs';

export const name = 'onnx-export';

const ROUNDS = Number(process.env.KD_BENCH_ROUNDS ?? 20);
const THREADS = 2;
const SIZE = 320;
const input = { fixedSize: [SIZE, SIZE] };

/** `spread`: what the last kernel of the classes is multiplied by, so that untrained heads find something. */
const CASES = {
  'retinanet-r18': { options: { backbone: 'resnet18', input }, spread: ['cls_logits/kernel', 50] },
  'fcos-r50': { options: { backbone: 'resnet50', norm: 'frozen', input }, spread: ['cls_logits/kernel', 3] },
  'faster-rcnn-r50': { options: { backbone: 'resnet50', input }, spread: ['cls_score/kernel', 12] },
};

/** The same detector as `ours.onnx`, and as what Python makes `theirs.onnx` of. */
async function write(folder, label) {
  await import('@tensorflow/tfjs-backend-cpu');
  const tf = await import('@tensorflow/tfjs-core');
  await tf.setBackend('cpu');
  const [{ parseOptions }, { exportOnnx, exportTorch }, { writeSafetensors }] = await Promise.all([
    import('@kd/core'),
    import('@kd/export'),
    import('@kd/weights'),
  ]);
  const [family] = /^[a-z-]+(?=-r\d)/.exec(label);
  const { definition } = (await import(`@kd/detector-${family}`)).default;
  const { options, spread } = CASES[label];
  const categories = Array.from({ length: 90 }, (_, id) => ({ id, name: `class ${id}` }));
  const detector = definition.create(parseOptions(definition.options, options, family), { categories, seed: 1 });
  const { variable } = detector.variables.find(({ path }) => path.endsWith(spread[0]) && !path.startsWith('rpn'));
  variable.assign(tf.mul(variable, spread[1]));
  await mkdir(folder);
  await writeFile(join(folder, 'ours.onnx'), exportOnnx(detector).bytes);
  const { tensors, builder } = await exportTorch(detector, 'torchvision');
  await writeSafetensors(join(folder, 'state.safetensors'), tensors);
  await writeFile(join(folder, 'build.py'), builder('state.safetensors'));
  detector.dispose();
}

async function measure(folder, label, peer) {
  const theirs = peer === null ? null : await peer('onnx_export.py', [folder, String(SIZE)]);
  theirs?.close();
  const args = [folder, String(SIZE), String(THREADS), theirs === null ? 'alone' : 'both'];
  const both = await peerFactory(process.execPath)('../ours/onnx-export.mjs', args);
  try {
    const rounds = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const found = await both.once();
      // The first round warms up.
      if (round > 0) rounds.push(found);
    }
    const figures = (of) => (theirs === null ? undefined : of(rounds, 'theirs_ms'));
    return {
      detector: label,
      ours_ms: rounded(least(rounds, 'ours_ms')),
      peer: theirs?.about.peer ?? null,
      peer_ms: rounded(figures(least)),
      ratio: ratio(least(rounds, 'ours_ms'), figures(least)),
      median_ratio: ratio(middle(rounds, 'ours_ms'), figures(middle)),
      ...both.about,
      threads: THREADS,
      rounds: ROUNDS,
      timed: `one image of ${SIZE} x ${SIZE} on the host to detections on the host`,
    };
  } finally {
    both.close();
  }
}

export async function run({ peer }) {
  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  try {
    const results = [];
    for (const label of process.env.KD_BENCH_STUDENTS?.split(',') ?? Object.keys(CASES)) {
      await write(join(folder, label), label);
      results.push(await measure(join(folder, label), label, peer));
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
