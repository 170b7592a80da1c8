// An ONNX teacher and onnxruntime-node alone on the same network, batch and taps: arguments are the case and threads.
// A line of input runs the one that it names: `teacher` or `alone`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { buildTeacher, silentLogger, teacherMaps } from '@kd/core';
import { tensorflow } from '@kd/engine-tensorflow';
import onnx from '@kd/teacher-onnx';
import * as tf from '@tensorflow/tfjs-core';

const require = createRequire(import.meta.resolve('@kd/teacher-onnx'));
const imported = (name) => import(pathToFileURL(require.resolve(name)).href);
const { InferenceSession, Tensor } = require('onnxruntime-node');
const { create, toBinary } = await imported('@bufbuild/protobuf');
const { ModelProtoSchema } = await imported('onnx-buf');

const [shape, threads] = process.argv.slice(2).map((text) => JSON.parse(text));
const [batch, , height, width] = shape;

/** The convolutions of a ResNet-18 without its shortcuts, random: a stem, then four of 3 x 3 a stage. */
function network(outputs) {
  const node = [];
  const initializer = [];
  const conv = (from, to, inChannels, channels, kernel, stride) => {
    const pad = Math.floor(kernel / 2);
    const weight = Float32Array.from(
      { length: channels * inChannels * kernel ** 2 },
      () => (Math.random() - 0.5) * Math.sqrt(24 / (inChannels * kernel ** 2)),
    );
    const ints = (name, values) => ({ name, type: 7, ints: values.map(BigInt) });
    initializer.push({
      name: `${to}.w`,
      dims: [channels, inChannels, kernel, kernel].map(BigInt),
      dataType: 1,
      rawData: new Uint8Array(weight.buffer),
    });
    node.push(
      {
        opType: 'Conv',
        input: [from, `${to}.w`],
        output: [`${to}.conv`],
        attribute: [ints('strides', [stride, stride]), ints('pads', [pad, pad, pad, pad])],
      },
      { opType: 'Relu', input: [`${to}.conv`], output: [to] },
    );
  };
  conv('images', 'stem', 3, 64, 7, 2);
  let last = ['stem', 64];
  for (const [stage, channels] of [64, 128, 256, 512].entries())
    for (let block = 0; block < 4; block++) {
      const name = block === 3 ? `c${stage + 2}` : `c${stage + 2}.${block}`;
      conv(last[0], name, last[1], channels, 3, block === 0 ? 2 : 1);
      last = [name, channels];
    }
  const axes = ['b', 3n, 'h', 'w'].map((axis) => ({
    value: typeof axis === 'bigint' ? { case: 'dimValue', value: axis } : { case: 'dimParam', value: axis },
  }));
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'resnet18',
      node,
      initializer,
      input: [
        { name: 'images', type: { value: { case: 'tensorType', value: { elemType: 1, shape: { dim: axes } } } } },
      ],
      output: outputs.map((name) => ({ name, type: { value: { case: 'tensorType', value: { elemType: 1 } } } })),
    },
  });
}

const taps = ['c3', 'c4', 'c5'];
const bytes = toBinary(ModelProtoSchema, network(taps));
const info = await tensorflow({ intraOpThreads: threads }).start();
const alone = await InferenceSession.create(bytes, { intraOpNumThreads: threads });
const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
await writeFile(join(folder, 'model.onnx'), bytes);
const { teacher } = await buildTeacher(
  {
    definition: onnx.definition,
    options: {
      model: 'model.onnx',
      input: { fixedSize: [height, width], mean: [0, 0, 0], std: [1, 1, 1] },
      taps,
      threads,
    },
  },
  { folder, logger: silentLogger },
);
await rm(folder, { recursive: true });

const data = Float32Array.from({ length: batch * 3 * height * width }, () => Math.random());
const images = { data, shape, imageSizes: [], ids: [] };
const runs = {
  alone: async () => void (await alone.run({ images: new Tensor('float32', data, shape) })),
  // A slice of each map: until an op reads it, a tensor is not on the device yet.
  teacher: async () => {
    const { maps } = await teacherMaps(teacher, images, taps);
    tf.dispose(Object.values(maps).map((map) => tf.slice(map, [0, 0, 0, 0], [1, 1, 1, 1])));
    tf.dispose(maps);
  },
};

console.log(JSON.stringify({ engine: `TensorFlow ${info.version}, ${info.device}` }));
let turn = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  // Both in one process, the first of them another one each time.
  const order = turn++ % 2 === 0 ? ['alone', 'teacher'] : ['teacher', 'alone'];
  const found = {};
  for (const which of order) {
    const start = performance.now();
    await runs[which]();
    found[`${which}_ms`] = performance.now() - start;
  }
  console.log(JSON.stringify({ ms: found.teacher_ms, ...found }));
}
