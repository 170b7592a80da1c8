import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kd, type Result } from './kd.js';

// a PNG of 3x2 red pixels
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEklEQVQImWP4z8AAQVDqPwMDAEHSBfsYFwTiAAAAAElFTkSuQmCC',
  'base64',
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-e2e-convert-'));
  const files = {
    'yolo/data.yaml': 'names: [cat, dog]\ntrain: ../train/images\nval: val/images\n',
    'yolo/train/images/a.png': PNG,
    'yolo/train/labels/a.txt': '1 0.5 0.5 1 1.5\n',
    'yolo/val/images/b.png': PNG,
    'yolo/val/labels/b.txt': '0 0.5 0.5 0.5 0.5 0.9\n',
    'labelme/a.png': PNG,
    'labelme/a.json': JSON.stringify({
      shapes: [
        {
          label: 'dog',
          points: [
            [3, 2],
            [0, 0],
          ],
          shape_type: 'rectangle',
        },
      ],
      imagePath: 'a.png',
    }),
    'boxes.csv': 'yolo/train/images/a.png,0,0,3,2,dog\n',
    'classes.csv': 'cat,0\ndog,5\n',
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const run = (...args: string[]): Promise<Result> => kd(['data', ...args], { cwd: folder });
const written = async (name: string) =>
  JSON.parse(await readFile(join(folder, name), 'utf8')) as Readonly<Record<string, unknown>>;

test('every form becomes a COCO file that kd data check takes as it is told', async () => {
  const image = { id: 1, width: 3, height: 2 };
  const box = { id: 1, image_id: 1, bbox: [0, 0, 3, 2], area: 6, iscrowd: 0 };
  for (const [args, file, id] of [
    [['--yolo', 'yolo/data.yaml'], 'yolo/train/images/a.png', 1],
    [['--labelme', 'labelme'], 'labelme/a.png', 1],
    [['--csv', 'boxes.csv', '--classes', 'classes.csv'], 'yolo/train/images/a.png', 5],
  ] as const) {
    const { code, stdout, stderr } = await run('convert', ...args, '--out', 'all.json', '--force');
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(
        'boxes, ' +
          (args[0] === '--labelme' ? '1' : '2') +
          ' classes in all.json\nlook at it: kd data check --coco all.json --images .\n',
      ),
    ]);
    if (args[0] === '--yolo')
      expect(stderr).toMatch(
        /corrected: train\/images: noted: .*"\.\.\/train\/images".*\n.*train\/images\/a\.png, annotation 1: clipped: dog/,
      );
    else expect(stderr).toBe('');
    const { images, annotations } = await written('all.json');
    expect([images, annotations]).toEqual([[{ ...image, file_name: file }], [{ ...box, category_id: id }]]);
    const check = await run('check', '--coco', 'all.json', '--images', '.');
    expect(check.stdout).toMatch(/^usable: 1 images, all decoded; 1 boxes/);
  }
});

test('where something is wrong, nothing is written', async () => {
  const before = await readdir(folder);
  const wrong = await run('convert', '--yolo', 'yolo/data.yaml', '--split', 'val', '--out', 'wrong.json');
  expect([wrong.code, wrong.stderr]).toEqual([
    1,
    expect.stringMatching(/b\.txt, line 1: .*predictions with a confidence/),
  ]);
  const strict = await run('convert', '--yolo', 'yolo/data.yaml', '--strict', '--out', 'wrong.json');
  expect([strict.code, strict.stderr]).toEqual([1, expect.stringMatching(/strict mode corrects nothing/)]);
  for (const args of [
    ['--yolo', 'yolo/data.yaml'],
    ['--out', 'wrong.json'],
    ['--csv', 'boxes.csv', '--out', 'boxes.csv', '--force'],
    ['--labelme', 'labelme', '--out', 'labelme/a.json'],
    ['--labelme', 'labelme', '--out', 'labelme/a.png'],
  ]) {
    const misused = await run('convert', ...args);
    expect([misused.code, misused.stderr]).toEqual([2, expect.stringMatching(/\[USAGE\]/)]);
  }
  expect((await readdir(folder)).sort()).toEqual(before.sort());
  expect(await readFile(join(folder, 'boxes.csv'), 'utf8')).toMatch(/^yolo/);
  expect(await written('labelme/a.json')).toHaveProperty('shapes');
  expect(await readFile(join(folder, 'labelme/a.png'))).toEqual(PNG);
});
