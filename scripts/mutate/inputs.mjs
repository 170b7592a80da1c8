import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { silentLogger, Trainer } from '@kd/core';
import { loadConfig, ports } from '@kd/cli';
import sharp from 'sharp';

const SIZE = { width: 24, height: 16 };
const repository = join(import.meta.dirname, '../..');

/** Small inputs of every kind that is read, all right as they are. */
export async function makeInputs(folder) {
  const write = async (name, content) => {
    const file = join(folder, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(
      file,
      typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content, null, 1),
    );
  };
  const noise = Buffer.from(Array.from({ length: SIZE.width * SIZE.height * 3 }, (_, i) => (i * 37) % 251));
  const picture = () => sharp(noise, { raw: { ...SIZE, channels: 3 } });
  const png = await picture().png().toBuffer();
  const jpg = await picture().jpeg().toBuffer();

  await write('coco/images/a.png', png);
  await write('coco/images/b.jpg', jpg);
  await write('coco/train.json', {
    info: { description: 'two images', year: 2026 },
    images: [
      { id: 1, file_name: 'a.png', ...SIZE },
      { id: 2, file_name: 'b.jpg', ...SIZE },
    ],
    categories: [
      { id: 1, name: 'cat', supercategory: 'animal' },
      { id: 3, name: 'dog', supercategory: 'animal' },
    ],
    annotations: [
      {
        id: 1,
        image_id: 1,
        category_id: 1,
        bbox: [2, 3, 10.5, 8],
        area: 84,
        iscrowd: 0,
        segmentation: [[2, 3, 12, 3, 12, 11]],
      },
      { id: 2, image_id: 1, category_id: 3, bbox: [0, 0, 24, 16], area: 384, iscrowd: 1 },
      { id: 3, image_id: 2, category_id: 3, bbox: [5, 5, 6, 7], area: 42, iscrowd: 0 },
    ],
  });

  const xml = (file, objects) =>
    `<annotation>\n <filename>${file}</filename>\n <size><width>24</width><height>16</height><depth>3</depth></size>\n${objects
      .map(
        ([name, ...box]) =>
          ` <object><name>${name}</name><difficult>0</difficult><bndbox>${['xmin', 'ymin', 'xmax', 'ymax'].map((side, i) => `<${side}>${box[i]}</${side}>`).join('')}</bndbox></object>`,
      )
      .join('\n')}\n</annotation>\n`;
  await write('voc/JPEGImages/a.jpg', jpg);
  await write('voc/JPEGImages/b.jpg', jpg);
  await write(
    'voc/Annotations/a.xml',
    xml('a.jpg', [
      ['cat', 1, 2, 10, 12],
      ['dog', 5, 5, 24, 16],
    ]),
  );
  await write('voc/Annotations/b.xml', xml('b.jpg', [['dog', 2, 2, 20, 10]]));
  await write('voc/ImageSets/Main/train.txt', 'a\nb\n');

  for (const name of ['yolo', 'csv']) {
    await write(`${name}/images/a.png`, png);
    await write(`${name}/images/b.jpg`, jpg);
  }
  await write(
    'yolo/data.yaml',
    'path: .\ntrain: list.txt\nval: images\nnc: 2\nnames:\n  0: cat\n  3: dog\ndownload: x.zip\n',
  );
  await write('yolo/list.txt', './images/a.png\n./images/b.jpg\n');
  await write('yolo/labels/a.txt', '0 0.5 0.5 0.25 0.5\n3 0.1 0.2 0.6 0.2 0.6 0.9\n');
  await write('yolo/labels/b.txt', '3 0.25 0.25 0.5 0.5\n');

  const shape = (label, shape_type, points) => ({ label, points, group_id: null, shape_type, flags: {} });
  const labelme = (imagePath, shapes) => ({
    version: '5.4.1',
    flags: {},
    shapes,
    imagePath,
    imageData: null,
    imageHeight: SIZE.height,
    imageWidth: SIZE.width,
  });
  await write('labelme/a.png', png);
  await write('labelme/images/b.jpg', jpg);
  await write(
    'labelme/a.json',
    labelme('a.png', [
      shape('cat', 'rectangle', [
        [10, 12],
        [2, 3],
      ]),
      shape('dog', 'circle', [
        [12, 8],
        [15, 8],
      ]),
      shape('dog', 'point', [[1, 1]]),
    ]),
  );
  await write(
    'labelme/json/b.json',
    labelme('..\\images\\b.jpg', [
      shape('dog', 'polygon', [
        [2, 2],
        [20, 3],
        [9, 14.5],
      ]),
    ]),
  );

  await write('csv/boxes.csv', 'file,x1,y1,x2,y2,class\na.png,2,3,10.5,8,cat\n"a.png",0,0,24,16,"dog"\nb.jpg,,,,,\n');
  await write('csv/classes.csv', 'cat,0\ndog,4\n');

  await write('images/a.png', png);
  await write('images/b.jpg', jpg);
  await write('images/grey16.png', await picture().greyscale().toColourspace('grey16').png().toBuffer());
  await write('images/turned.jpg', await picture().jpeg().withMetadata({ orientation: 6 }).toBuffer());
  await write('images/cmyk.jpg', await picture().toColourspace('cmyk').jpeg().toBuffer());
  await write(
    'images/plain.bmp',
    bmp(
      24,
      0,
      [],
      Array.from({ length: 24 * 16 * 3 }, (_, i) => i % 256),
    ),
  );
  await write(
    'images/runs.bmp',
    bmp(8, 1, [0, 0, 255, 0, 9, 9, 9, 0], [...Array(16).fill([24, 1, 0, 0]).flat(), 0, 1]),
  );
  await write('images/palette.png', await picture().png({ palette: true, colours: 16 }).toBuffer());

  await write('lists/classes.json', ['cat', 'dog']);
  await write('lists/data.json', { format: 'synthetic', images: 4, size: 32, sizes: [8, 16], objects: [1, 2] });

  await makeProject(join(folder, 'project'), write);
  const { config } = await loadConfig(join(folder, 'project', 'kd.config.json'));
  const run = (more, out) =>
    new Trainer({ ...config, ...more }, { ...ports, out, folder: join(folder, 'project'), logger: silentLogger }).fit();
  await run({ seed: 5, teacher: undefined, distillers: [] }, join(folder, 'project', 'teacher'));
  await run({}, join(folder, 'run'));
  await write('run/origin.json', {
    config: join(folder, 'project', 'kd.config.json'),
    folder: join(folder, 'project'),
  });
  await mkdir(join(folder, 'weights'));
  await cp(join(folder, 'run', 'checkpoints', 'best.safetensors'), join(folder, 'weights', 'best.safetensors'));
  await cp(join(folder, 'run'), join(folder, 'bank'), { recursive: true });
}

/** A project with the toy detector, the processor's engine and a plugin under names, and a config of them. */
async function makeProject(project, write) {
  const packages = {
    'kd-detector-toy': { kind: 'detector', name: 'toy', code: "export { toyDetector as default } from '@kd/testing';" },
    'kd-engine-plain': { kind: 'engine', name: 'plain', code: "export { cpuEngine as default } from '@kd/testing';" },
    'kd-plugin-other': { kind: 'distiller', name: 'other', code: "export { default } from '@kd/plugin-pkd';" },
  };
  const own = join(project, 'node_modules', '@kd');
  await mkdir(own, { recursive: true });
  for (const name of ['core', 'testing', 'plugin-pkd', 'plugin-prototype'])
    await symlink(join(repository, 'packages', name), join(own, name));
  const names = [...Object.keys(packages), '@kd/plugin-prototype'];
  await write('project/package.json', {
    name: 'mine',
    dependencies: Object.fromEntries(names.map((name) => [name, '*'])),
  });
  for (const [name, { code, ...kd }] of Object.entries(packages)) {
    await write(`project/node_modules/${name}/package.json`, {
      name,
      version: '1.0.0',
      type: 'module',
      description: 'for this alone',
      exports: { '.': './index.js', './package.json': './package.json' },
      kd: { ...kd, apiVersion: 1 },
    });
    await write(`project/node_modules/${name}/index.js`, `${code}\n`);
  }
  await write('project/kd.config.json', {
    engine: 'plain',
    student: ['toy', { size: 32 }],
    teacher: { weights: 'teacher' },
    distillers: ['other', ['prototype', { count: 2 }]],
    data: {
      train: { format: 'synthetic', images: 4, size: 32, sizes: [8, 16], objects: [1, 2] },
      val: { format: 'synthetic', images: 2, size: 32, sizes: [8, 16], objects: [1, 2], seed: 1 },
      workers: 0,
    },
    epochs: 1,
    batchSize: 2,
    optimizer: { name: 'adamw', lr: 0.01 },
    schedule: { kind: 'cosine', warmup: { steps: 2 } },
    ema: { decay: 0.9 },
  });
}

/** A BMP of 24 x 16, of the bytes of its palette and pixels. */
function bmp(bits, compression, palette, pixels) {
  const head = Buffer.alloc(54);
  head.write('BM');
  head.writeUInt32LE(head.length + palette.length, 10);
  for (const [at, value] of [
    [14, 40],
    [18, 24],
    [22, 16],
    [30, compression],
    [46, palette.length / 4],
  ])
    head.writeUInt32LE(value, at);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(bits, 28);
  return Buffer.concat([head, Buffer.from(palette), Buffer.from(pixels)]);
}
