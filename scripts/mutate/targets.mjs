import { createHash } from 'node:crypto';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { discover, importByName, loadModel, parseConfig, planRun, readModel, silentLogger, Trainer } from '@kd/core';
import { checkDataset, openDataset, readImage } from '@kd/data';
import { loadConfig, ports } from '@kd/cli';
import { openWeights } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { classNames, dataArgument } from '../../packages/cli/dist/data-argument.js';
import { findModel } from '../../packages/cli/dist/open-model.js';
import { findBank } from '../../packages/cli/dist/prototypes/find-bank.js';
import { makeInputs } from './inputs.mjs';

/**
 * What is read, each a folder of files, which of them are changed, how many of all cases it gets, and the public functions
 * that a program or a command reads it with. `read` gives null, or what is wrong with what it took for right.
 * @returns targets; `folder` is theirs
 */
export async function makeTargets(folder) {
  await makeInputs(folder);
  await cp(new URL('../../tests/reference/torch', import.meta.url), join(folder, 'torch'), { recursive: true });
  const at = (...path) => join(folder, ...path);
  const project = at('project');
  return [
    {
      name: 'coco',
      share: 4,
      folder: at('coco'),
      change: ['train.json', 'train.json', 'train.json', 'images/a.png', 'images/b.jpg'],
      read: async () => {
        await checkDataset({ coco: 'train.json', images: 'images', folder: at('coco') });
        return readSet({ format: 'coco', annotations: 'train.json', images: 'images' }, at('coco'));
      },
    },
    {
      name: 'voc',
      share: 3,
      folder: at('voc'),
      change: [
        'Annotations/a.xml',
        'Annotations/a.xml',
        'Annotations/b.xml',
        'ImageSets/Main/train.txt',
        'JPEGImages/b.jpg',
      ],
      read: async () => {
        await checkDataset({ voc: '.', split: 'train', folder: at('voc') });
        return readSet({ format: 'voc', root: '.', split: 'train' }, at('voc'));
      },
    },
    {
      name: 'yolo',
      share: 3,
      folder: at('yolo'),
      change: ['data.yaml', 'data.yaml', 'labels/a.txt', 'labels/a.txt', 'labels/b.txt', 'list.txt', 'images/b.jpg'],
      read: async () => {
        await checkDataset({ yolo: 'data.yaml', split: 'val', folder: at('yolo') });
        return readSet({ format: 'yolo', data: 'data.yaml', split: 'train' }, at('yolo'));
      },
    },
    {
      name: 'labelme',
      share: 2,
      folder: at('labelme'),
      change: ['a.json', 'a.json', 'json/b.json', 'images/b.jpg'],
      read: async () => {
        await checkDataset({ labelme: '.', folder: at('labelme') });
        return readSet({ format: 'labelme', folder: '.' }, at('labelme'));
      },
    },
    {
      name: 'csv',
      share: 2,
      folder: at('csv'),
      change: ['boxes.csv', 'boxes.csv', 'boxes.csv', 'classes.csv', 'images/a.png'],
      read: async () => {
        await checkDataset({ csv: 'boxes.csv', images: 'images', folder: at('csv') });
        const spec = { format: 'csv', annotations: 'boxes.csv', images: 'images', classes: 'classes.csv' };
        return readSet(spec, at('csv'));
      },
    },
    {
      name: 'image',
      share: 3,
      folder: at('images'),
      change: ['a.png', 'b.jpg', 'grey16.png', 'turned.jpg', 'cmyk.jpg', 'palette.png', 'plain.bmp', 'runs.bmp'],
      read: async (name) => {
        const { width, height, data } = await readImage(join(at('images'), name), { declared: null, maxPixels: 1e7 });
        return data.length === width * height * 3 && width * height <= 1e7
          ? null
          : `${width} x ${height}, ${data.length} bytes`;
      },
    },
    {
      name: 'weights',
      share: 3,
      folder: at('weights'),
      change: ['best.safetensors'],
      read: async () => {
        const file = at('weights', 'best.safetensors');
        await readModel(file, ports.format);
        const { detector } = await loadModel(file, { format: ports.format, folder: project, context: {} });
        try {
          return same(
            'weights',
            detector.variables.map(({ path, variable }) => [path, variable.dataSync()]),
          );
        } finally {
          detector.dispose();
        }
      },
    },
    {
      name: 'torch',
      share: 3,
      folder: at('torch'),
      change: ['protocol2.pth', 'protocol5.pth', 'legacy4.pth', 'mmengine_legacy.pth', 'kinds.pth', 'tar.pth'],
      read: async (name) => {
        const { values, tensors, meta } = await openWeights(at('torch', name));
        JSON.stringify(meta);
        const usable = [...values].filter(([key]) => tensors.get(key).refused === null);
        for (const [key, { shape, data }] of usable)
          if (data.length !== shape.reduce((product, side) => product * side, 1))
            return `${key}: ${data.length} numbers`;
        // Archives hold sums of their entries; the older containers nothing that damage could be told by.
        return /^(protocol|kinds)/.test(name)
          ? same(
              name,
              usable.map(([key, { data }]) => [key, data]),
            )
          : null;
      },
    },
    {
      name: 'run',
      share: 1,
      folder: at('run'),
      change: [
        'config.json',
        'origin.json',
        'summary.json',
        'checkpoints/step-00000002.safetensors',
        'passes/prototype/epoch-0.safetensors',
      ],
      again: true,
      read: async () => {
        await findModel(at('run'));
        const config = { ...(await loadConfig(join(project, 'kd.config.json'))).config, epochs: 2 };
        await new Trainer(config, {
          ...ports,
          out: at('run'),
          folder: project,
          resume: true,
          logger: silentLogger,
        }).fit();
        const { tensors } = await ports.format.read(at('run', 'checkpoints', 'step-00000004.safetensors'));
        return same(
          'run',
          [...tensors].map(([key, { data }]) => [key, data]),
        );
      },
    },
    {
      name: 'bank',
      share: 2,
      folder: at('bank'),
      change: ['passes/prototype/epoch-0.safetensors'],
      read: async () => {
        const { bank } = await findBank(at('bank'), {});
        return same('bank', Object.entries({ ...bank.instances, ...bank.levels[0], ...bank.levels[1] }));
      },
    },
    {
      name: 'config',
      share: 2,
      folder: project,
      change: ['kd.config.json'],
      read: async () => {
        const { config } = await loadConfig(join(project, 'kd.config.json'));
        parseConfig(config, 'kd.config.json');
        await planRun(config, { ...ports, folder: project, steps: 1, logger: silentLogger });
        return null;
      },
    },
    {
      name: 'manifest',
      share: 2,
      folder: project,
      change: [
        'package.json',
        'node_modules/kd-plugin-other/package.json',
        'node_modules/kd-detector-toy/package.json',
      ],
      read: async () => {
        const found = await discover(project);
        await importByName('detector', 'toy', project);
        await importByName('distiller', 'other', project);
        return Array.isArray(found.manifests ?? found) ? null : 'no list of manifests';
      },
    },
    {
      name: 'list',
      share: 2,
      folder: at('lists'),
      change: ['classes.json', 'data.json'],
      read: async () => {
        await classNames(at('lists', 'classes.json'));
        const { spec, folder: from } = await dataArgument({ data: at('lists', 'data.json') });
        return readSet(spec, from);
      },
    },
  ];
}

/** Where damage is read, it has to be what was there before it: nothing else would tell that it is not. */
const before = new Map();
function same(what, values) {
  const hash = createHash('sha256');
  for (const [key, data] of values)
    hash.update(`${key} ${data.length} `).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const now = hash.digest('hex');
  if (!before.has(what)) before.set(what, now);
  return before.get(what) === now ? null : 'other values than before the change';
}

/** Opens a set, reads every image as training would, and looks at what came out. */
async function readSet(spec, folder) {
  const set = await openDataset(spec, folder);
  if (set.images.length > 1000) return null; // A synthetic set of another size, which is drawn when it is wanted.
  for (const record of set.images) await set.readImage(record);
  const ids = new Set(set.images.map(({ id }) => id));
  if (ids.size !== set.images.length) return 'two images of one id';
  for (const { id, width, height, annotations } of set.images) {
    if (!(Number.isInteger(width) && width > 0 && Number.isInteger(height) && height > 0))
      return `image ${id} is ${width} x ${height}`;
    for (const { box, label, area } of annotations) {
      const [x1, y1, x2, y2] = box;
      if (!(0 <= x1 && x1 < x2 && x2 <= width && 0 <= y1 && y1 < y2 && y2 <= height))
        return `image ${id} has the box ${box}`;
      if (!(label >= 0 && label < set.categories.length)) return `image ${id} has the label ${label}`;
      if (!Number.isFinite(area)) return `image ${id} has the area ${area}`;
    }
  }
  return null;
}

/** Files that a read itself wrote are taken away, and those that it changed put back. */
export async function restore({ folder }) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await cp(`${folder}.base`, folder, { recursive: true });
}

export const liveTensors = () => tf.memory().numTensors;
