import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { load, type Detection, type Detector, type TfjsModel, tfjsDetector } from '@kd/detect';
import { openDataset } from '@kd/data';
import { readSafetensors } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeOnTensorflow } from '../needs-tensorflow.js';
import { bccdMini, config, kd, root, temporaryFolder } from './kd.js';

const folder = temporaryFolder();
const [run, photos] = [join(folder, 'run'), join(folder, 'photos')];
/** A project that has the runtimes. */
const project = join(root, 'packages/export');
const { resolve } = createRequire(join(project, 'package.json'));
const gfl = join(root, 'examples/bccd/dense/gfl-teacher.safetensors');
/** A checkpoint of another detector. */
const other = '["fcos",{"backbone":{"block":"basic","layers":[1,1,1,1],"width":8}}]';
const fcos = join(root, 'examples/bccd/dense/fcos-teacher.safetensors');
const fasterRcnn = join(root, 'examples/bccd/prototype/faster-rcnn-teacher.safetensors');

beforeAll(async () => {
  const low = '--set=student.1.post={"scoreThresh":0,"detectionsPerImg":5}';
  const { code, stderr } = await kd(['train', config('alone.config.ts'), '--out', run, '--epochs', '1', low]);
  expect(code, stderr).toBe(0);
  mkdirSync(photos);
  const drawn = await openDataset({ format: 'synthetic', images: 4, size: 64, seed: 5 }, folder);
  for (const [i, record] of drawn.images.entries()) {
    const { data, width, height } = await drawn.readImage(record);
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(photos, `${i}.png`));
  }
});

/** All bytes of a file, or of the files of a folder. */
const bytesOf = (path: string): Buffer =>
  statSync(path).isDirectory()
    ? Buffer.concat(readdirSync(path).map((name) => readFileSync(join(path, name))))
    : readFileSync(path);

describe('kd export', () => {
  test.each([
    ['onnx', 'student.onnx'],
    ['tfjs-graph', 'graph'],
    ['tfjs-layers', 'layers'],
    ['torchvision', 'student.safetensors'],
    ['torchvision', 'student.pth'],
  ])('--to %s --out %s: the averaged weights, and nothing else of the run', async (to, out) => {
    const cwd = temporaryFolder();
    const { code, stdout, stderr } = await kd(['export', run, '--to', to, '--out', join(cwd, out)]);
    expect(code, stderr).toBe(0);
    expect(readdirSync(cwd)).toEqual([out]);
    expect(to === 'torchvision' ? stderr : stdout).toMatch(
      new RegExp(`^retinanet with 2 classes as ${to} in .*${out}, `, 'm'),
    );
    const written = bytesOf(join(cwd, out));
    const checkpoints = readdirSync(join(run, 'checkpoints'));
    const newest = checkpoints
      .filter((name) => name.startsWith('step-'))
      .sort()
      .at(-1)!;
    const { tensors } = await readSafetensors(join(run, 'checkpoints', newest));
    // A bias, which every form stores as it is.
    const holds = (prefix: string): boolean => {
      const { data } = tensors.get(`${prefix}head.regression_head.bbox_reg/bias`)!;
      return written.includes(Buffer.from(Float32Array.from(data as Float32Array).buffer));
    };
    expect([holds('ema/student/'), holds('student/')]).toEqual([true, false]);
    expect(written.toString('latin1')).not.toMatch(/ema\/|optimizer|momentum/);
    if (to === 'torchvision') {
      expect(stdout).toMatch(/^from torchvision/m);
      expect(stdout).toContain('strict=True');
    }
  });

  test('--to mmdet: a state dict under its names, the Python beside it', async () => {
    const out = join(temporaryFolder(), 'gfl.pth');
    const { code, stdout, stderr } = await kd(['export', gfl, '--to', 'mmdet', '--out', out]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^from mmdet/m);
    expect(stdout).toMatch(/torch\.load\(.*gfl\.pth.*strict=True/);
    const inspected = await kd(['weights', 'inspect', out]);
    expect(inspected.stdout).toMatch(/bbox_head\.gfl_cls/);
  });

  test.each([
    ['empty', ['--to', 'onnx', '--out', 'x'], /error \[CHECKPOINT_INVALID\].*empty/],
    ['notes.txt', ['--to', 'onnx', '--out', 'x'], /error \[CHECKPOINT_INVALID\].*notes\.txt/],
    [gfl, ['--to', 'onnx', '--out', 'full'], /error \[USAGE\] .*full is there already and is not empty/],
    [gfl, ['--to', 'onnx', '--out', 'x', '--size', '100x100'], /100 × 100 .* multiples of 32/],
    [gfl, ['--to', 'torchvision', '--out', 'x.pth'], /error \[USAGE\] .*torchvision/],
    [gfl, ['--to', 'torchvision', '--out', 'x'], /error \[USAGE\] .*\.safetensors or \.pth/],
    [gfl, ['--to', 'tfjs', '--out', 'x'], /--to tfjs: give one of onnx, tfjs-layers/],
    [gfl, ['--detector', other, '--to', 'onnx', '--out', 'x'], /error \[CHECKPOINT_INVALID\].*gfl/],
  ])('%s %j is one clear message, and nothing is written', async (model, args, message) => {
    const scratch = temporaryFolder();
    for (const name of ['empty', 'full']) mkdirSync(join(scratch, name));
    writeFileSync(join(scratch, 'full/mine'), 'mine');
    writeFileSync(join(scratch, 'notes.txt'), 'no checkpoint');
    const given = args.map((arg, i) => (args[i - 1] === '--out' ? join(scratch, arg) : arg));
    const { code, stdout, stderr } = await kd(['export', isAbsolute(model) ? model : join(scratch, model), ...given]);
    expect([code === 0, stdout]).toEqual([false, '']);
    expect(stderr.match(/^error \[/gm)).toHaveLength(1);
    expect(stderr).toMatch(message);
    expect(readdirSync(scratch, { recursive: true }).sort()).toEqual(['empty', 'full', 'full/mine', 'notes.txt']);
  });
});

describe.skipIf(bccdMini === null)(
  'what kd export wrote, read by other programs, on real images (KD_BCCD_MINI)',
  () => {
    const pictures = bccdMini === null ? [] : readdirSync(join(bccdMini, 'JPEGImages')).sort().slice(0, 2);
    const files = pictures.map((name) => join(bccdMini!, 'JPEGImages', name));
    async function predicted(checkpoint: string): Promise<{ readonly detections: Detection[] }[]> {
      const { stdout } = await kd(['predict', checkpoint, ...files, '--threshold', '0', '--json', '-']);
      return JSON.parse(stdout) as { readonly detections: Detection[] }[];
    }

    const readers: Record<string, (out: string) => Promise<Detector>> = {
      onnx: async (out) => load(readFileSync(out)),
      'tfjs-graph': async (out) => {
        // Of the project that has it; tests have none of their own.
        const { loadGraphModel } = (await import(pathToFileURL(resolve('@tensorflow/tfjs-converter')).href)) as {
          loadGraphModel(handler: tf.io.IOHandler): Promise<TfjsModel>;
        };
        return tfjsDetector(await loadGraphModel(fromFolder(out)), tf);
      },
      'tfjs-layers': async (out) => tfjsDetector((await loadLayersModel(fromFolder(out))) as TfjsModel, tf),
    };

    const retinanet = join(root, 'examples/bccd/dense/retinanet-teacher.safetensors');
    // Each reader and each kind of detector once; all with all, without the command, in real-images.native.test.ts of
    // @kd/export.
    test.each([
      ['gfl', 'onnx', gfl],
      ['faster-rcnn', 'onnx', fasterRcnn],
      ['fcos', 'tfjs-graph', fcos],
      ['retinanet', 'tfjs-layers', retinanet],
    ])('%s as %s: the boxes of kd predict in its order', async (_, to, checkpoint) => {
      const out = join(temporaryFolder(), 'out');
      const { code, stderr } = await kd(['export', checkpoint, '--to', to, '--out', out]);
      expect(code, stderr).toBe(0);
      const predictedHere = await predicted(checkpoint);
      const detector = await readers[to]!(out);
      for (const [i, file] of files.entries()) {
        const { data, info } = await sharp(file, { ignoreIcc: true })
          .autoOrient()
          .removeAlpha()
          .toColourspace('srgb')
          .raw()
          .toBuffer({ resolveWithObject: true });
        const found = await detector.detect({ data, width: info.width, height: info.height });
        expectSame(found, predictedHere[i]!.detections);
      }
      await detector.dispose();
    });
  },
);

function fromFolder(folder: string): tf.io.IOHandler {
  const model = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as tf.io.ModelJSON;
  const shards = model.weightsManifest.flatMap(({ paths }) => paths).map((path) => readFileSync(join(folder, path)));
  return {
    load: async () => ({
      ...(model as object),
      weightSpecs: model.weightsManifest.flatMap(({ weights }) => weights),
      weightData: new Uint8Array(Buffer.concat(shards)).buffer,
    }),
  };
}

/** The same boxes in the same order, 0.05 px and 2e-4 in score; scores nearer than 5e-6 may change places. */
function expectSame(found: readonly Detection[], wanted: readonly Detection[]): void {
  expect(wanted.length).toBeGreaterThan(10);
  expect(found).toHaveLength(wanted.length);
  wanted.forEach((one, i) => {
    const same = found.some(
      (other, k) =>
        (k === i || Math.abs(other.score - one.score) < 5e-6) &&
        other.class === one.class &&
        Math.abs(other.score - one.score) < 2e-4 &&
        other.box.every((side, s) => Math.abs(side - one.box[s]!) < 0.05),
    );
    expect(same, `detection ${i}`).toBe(true);
  });
}

describe('kd bench-export', () => {
  const exported = async (to: string): Promise<string> => {
    const out = join(temporaryFolder(), to === 'onnx' ? 'student.onnx' : to);
    await kd(['export', run, '--to', to, '--out', out]);
    return out;
  };
  const measured = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await kd(['bench-export', ...args, '--json'], { cwd: project });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as {
      milliseconds: { name: string; median: number; p95: number; imagesPerSecond: number }[];
    };
  };

  const inEvery = async (to: string, runtimes: readonly string[]): Promise<void> => {
    const told = await measured(await exported(to), '--images', photos, '--run', run, '--limit', '3');
    expect(told).toMatchObject({ images: 3, missing: [], notes: [], unread: [] });
    const names = [...runtimes, 'kd predict ('];
    expect(told.milliseconds.map(({ name }, i) => name.startsWith(names[i]!))).toEqual([true, true, true]);
    for (const { median, p95, imagesPerSecond } of told.milliseconds) {
      expect(median).toBeGreaterThan(0);
      expect(p95).toBeGreaterThanOrEqual(median);
      expect(imagesPerSecond).toBeGreaterThan(0);
    }
  };
  test('onnx: in every runtime, beside kd predict', () =>
    inEvery('onnx', ['onnxruntime-node', 'onnxruntime-web, WASM']));
  describeOnTensorflow('in TensorFlow.js', () => {
    test.each(['tfjs-graph', 'tfjs-layers'])('%s: in every runtime, beside kd predict', (to) =>
      inEvery(to, ['TensorFlow.js, TensorFlow', 'TensorFlow.js, WASM']),
    );
  });

  test('what is not there is named, and a run of another size is told', async () => {
    const out = await exported('onnx');
    const told = await measured(out, '--images', photos, '--run', gfl, '--limit', '1');
    expect(told).toMatchObject({
      notes: [/a retinanet of 2 classes, the run a gfl of 3/, /64 × 64, the run on 120 × 160/].map(
        (text) => expect.stringMatching(text) as string,
      ),
    });
    // Where nothing runs the file, kd predict alone is no measurement of it.
    const args = ['bench-export', out, '--images', photos, '--run', run];
    const alone = await kd(args, { cwd: temporaryFolder() });
    expect([alone.code, alone.stdout, alone.stderr]).toEqual([
      2,
      '',
      expect.stringMatching(
        /Nothing that runs the model is here\.\n.*pnpm add -D --ignore-scripts onnxruntime-node\n.*pnpm add -D --ignore-scripts onnxruntime-web/,
      ),
    ]);
  });

  test.each([
    [['student.onnx'], /needs --images/],
    [['student.pth', '--images', photos], /student\.pth is no exported model .*--to onnx/],
    [['run', '--images', photos], /run is no exported model/],
    [['none.onnx', '--images', photos], /none\.onnx, the exported model, cannot be read/],
    [['none.onnx', '--images', 'nowhere'], /--images nowhere: there is no such folder or image/],
    [
      ['run/config.json', '--images', photos],
      /config\.json, the exported model, cannot be read: it is no graph or layers/,
    ],
  ])('%j is misuse', async (args, message) => {
    const { code, stderr } = await kd(['bench-export', ...args], { cwd: folder });
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe('kd export --compare', () => {
  test('measures the file with its weights stored in each way, as kd eval measures the run', async () => {
    const cwd = temporaryFolder();
    const [out, copy, labels] = ['student.onnx', 'run', 'labels.json'].map((name) => join(cwd, name));
    // So young a model finds nothing of any data set but the one that it labelled itself.
    await kd(['label', run, photos, '--out', labels!, '--score', '0']);
    cpSync(run, copy!, { recursive: true });
    const config = JSON.parse(readFileSync(join(copy!, 'config.json'), 'utf8')) as { data: Record<string, unknown> };
    config.data['val'] = { format: 'coco', annotations: labels, images: photos };
    writeFileSync(join(copy!, 'config.json'), JSON.stringify(config));
    const args = ['export', copy!, '--to', 'onnx', '--out', out!, '--int8', 'weights', '--compare'];
    // The project that has onnxruntime-node.
    const { code, stdout, stderr } = await kd([...args, '--json'], { cwd: join(root, 'packages/detect') });
    expect(code, stderr).toBe(0);
    const { comparison } = JSON.parse(stdout) as {
      comparison: { weights: string; bytes: number; metrics: Record<string, number> }[];
    };
    const [whole, half, eighths] = comparison;
    expect(comparison.map(({ weights }) => weights)).toEqual(['float32', 'float16', 'int8']);
    expect(half!.bytes).toBeLessThan(whole!.bytes);
    expect(eighths!.bytes).toBeLessThan(half!.bytes);
    expect(readFileSync(out!).byteLength).toBe(eighths!.bytes);
    const evaluated = await kd(['eval', copy!, '--json']);
    const { metrics } = JSON.parse(evaluated.stdout) as { metrics: Record<string, number> };
    expect(Object.keys(whole!.metrics)).toEqual(Object.keys(metrics));
    expect(metrics['AP']).toBeGreaterThan(0.9);
    expect(whole!.metrics['AP']).toBeCloseTo(metrics['AP']!, 2);
  });

  test('without onnxruntime-node it says what adds it, before anything is written', async () => {
    const cwd = temporaryFolder();
    const args = ['export', run, '--out', 'x', '--compare'];
    const without = await kd([...args, '--to', 'onnx'], { cwd });
    expect([without.code, without.stderr]).toEqual([
      1,
      expect.stringMatching(/pnpm add -D --ignore-scripts onnxruntime-node/),
    ]);
    expect(readdirSync(cwd)).toEqual([]);
  });
});
