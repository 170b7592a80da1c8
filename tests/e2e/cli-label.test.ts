import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '@kd/data';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { config, kd, kdProcess, temporaryFolder } from './kd.js';

interface Instances {
  readonly images: readonly { id: number; file_name: string; width: number; height: number }[];
  readonly annotations: readonly { id: number; image_id: number; bbox: number[]; score: number }[];
  readonly categories: readonly { id: number; name: string }[];
}

const folder = temporaryFolder();
const [run, photos] = [join(folder, 'run'), join(folder, 'photos')];
const annotations = join(folder, 'annotations.json');
const read = (file: string): Instances => JSON.parse(readFileSync(file, 'utf8')) as Instances;

beforeAll(async () => {
  // So small a network gives no box more than the usual 5 %.
  const low = '--set=student.1.post={"scoreThresh":0,"detectionsPerImg":5}';
  const { code, stderr } = await kd(['train', config('alone.config.ts'), '--out', run, '--epochs', '1', low]);
  expect(code, stderr).toBe(0);
  mkdirSync(join(photos, 'sub'), { recursive: true });
  const drawn = await openDataset({ format: 'synthetic', images: 9, size: 64, seed: 5 }, folder);
  for (const [i, record] of drawn.images.entries()) {
    const { data, width, height } = await drawn.readImage(record);
    const name = i < 5 ? `${i}.png` : `sub/${i}.png`;
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(photos, name));
  }
  writeFileSync(join(photos, 'notes.txt'), 'no image');
});

describe('kd label', () => {
  test('writes annotations that kd data check finds usable and kd train takes as they are', async () => {
    const { code, stdout, stderr } = await kdProcess([
      'label',
      run,
      photos,
      '--out',
      annotations,
      '--score',
      '0',
      '--json',
    ]);
    expect(code, stderr).toBe(0);
    const { images, annotations: boxes, categories } = read(annotations);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, images: 9, boxes: boxes.length, others: 1, unread: [] });
    expect(images.map(({ file_name }) => file_name)).toEqual(
      ['0', '1', '2', '3', '4', 'sub/5', 'sub/6', 'sub/7', 'sub/8'].map((name) => `photos/${name}.png`),
    );
    expect(categories.map(({ name }) => name)).toEqual(['striped-disk', 'speckled-ring']);
    expect(boxes.length).toBeGreaterThan(9);
    for (const { score } of boxes) expect(score).toBeGreaterThan(0);

    const checked = await kd(['data', 'check', '--coco', annotations, '--images', folder, '--strict', '--json']);
    expect(JSON.parse(checked.stdout)).toMatchObject({ ok: true, report: [] });

    const data = { format: 'coco', annotations, images: folder };
    const trained = await kd([
      'train',
      config('alone.config.ts'),
      '--out',
      join(folder, 'student'),
      '--epochs=1',
      `--set=data.train=${JSON.stringify(data)}`,
    ]);
    expect(trained.code, trained.stderr).toBe(0);
    expect(read(join(folder, 'student/summary.json'))).toMatchObject({ steps: 2 });
  });

  test('keeps the boxes and scores that kd predict finds, from the score on', async () => {
    const [all, some] = [join(photos, 'all.json'), join(photos, 'some.json')];
    for (const [out, ...more] of [
      [all, '--score', '0'],
      [some, '--score', '0.0001'],
    ] as const)
      expect((await kd(['label', run, join(photos, '0.png'), '--out', out, ...more])).code).toBe(0);
    expect(read(all).images[0]!.file_name).toBe('0.png');
    await kd(['predict', run, join(photos, '0.png'), '--threshold', '0', '--out', join(folder, 'drawn')]);
    const predicted = JSON.parse(readFileSync(join(folder, 'drawn/predictions.json'), 'utf8')) as {
      images: { detections: { box: number[]; score: number }[] }[];
    };
    const found = predicted.images[0]!.detections;
    expect(read(all).annotations.map(({ score }) => score)).toEqual(found.map(({ score }) => score));
    read(all).annotations.forEach(({ bbox: [x, y, w, h] }, i) =>
      [x!, y!, x! + w!, y! + h!].forEach((side, k) => expect(Math.abs(side - found[i]!.box[k]!)).toBeLessThan(0.0051)),
    );
    expect(read(some).annotations.map(({ score }) => score)).toEqual(
      found.map(({ score }) => score).filter((score) => score >= 0.0001),
    );
  });

  test('tells images that it cannot read and leaves them out; what is there already is kept', async () => {
    const bad = join(folder, 'bad.jpg');
    writeFileSync(bad, '');
    const out = join(folder, 'some.json');
    const { code, stderr } = await kd(['label', run, bad, join(photos, '1.png'), '--out', out]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error \[IMAGE_INVALID\] .*bad\.jpg.*empty/m);
    expect(read(out).images.map(({ file_name }) => file_name)).toEqual(['photos/1.png']);
    const before = readFileSync(out);
    const again = await kd(['label', run, photos, '--out', out]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/some\.json is there already.*--force/)]);
    expect(readFileSync(out).equals(before)).toBe(true);
    expect((await kd(['label', run, photos, '--out', out, '--force', '--images', photos])).code).toBe(0);
    expect(read(out).images.at(-1)!.file_name).toBe('sub/8.png');
    const none = await kd(['label', run, bad, '--out', join(folder, 'none.json')]);
    expect([none.code, existsSync(join(folder, 'none.json'))]).toEqual([1, false]);
  });

  test.each([
    [['--out', 'x.json', '--score', '2'], /--score 2: expected a score/],
    [[], /needs --out/],
    [['--out', 'x.json', '--batch-size', '0'], /--batch-size 0/],
    [['--out', 'x.json', '--images', 'nowhere'], /--images nowhere: .* does not lie in it/],
  ])('%j is misuse', async (flags, message) => {
    const { code, stderr } = await kd(['label', run, photos, ...flags], { cwd: folder });
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

test('kd predict takes a folder, leaves out what is no image and what it drew there itself', async () => {
  const out = join(photos, 'drawn');
  for (let call = 0; call < 2; call++) {
    const { code, stdout, stderr } = await kd(['predict', run, photos, '--out', out, '--json']);
    expect(code, stderr).toBe(0);
    const { images, others } = JSON.parse(stdout) as { images: { file: string; drawn: string }[]; others: number };
    expect(images.map(({ file }) => file)).toEqual(
      ['0', '1', '2', '3', '4', 'sub/5', 'sub/6', 'sub/7', 'sub/8'].map((name) => join(photos, `${name}.png`)),
    );
    expect(others).toBe(3); // the notes and two annotations
  }
});

describe('kd predict', () => {
  const files = ['0', '1', '2', '3', '4'].map((name) => join(photos, `${name}.png`));
  const list = (text: string): { file: string; detections: Record<string, unknown>[] }[] =>
    JSON.parse(text) as ReturnType<typeof list>;

  test('--json - prints the detections and nothing else, and draws nothing', async () => {
    const cwd = temporaryFolder();
    const low = ['--threshold', '0.01'];
    const { code, stdout, stderr } = await kdProcess(['predict', run, join(photos, '*.png'), '--json', '-', ...low], {
      cwd,
    });
    expect(code, stderr).toBe(0);
    expect(list(stdout).map(({ file }) => file)).toEqual(files);
    const found = list(stdout).flatMap(({ detections }) => detections);
    expect(found.length).toBeGreaterThan(0);
    for (const one of found)
      expect(one).toEqual({
        box: Array.from({ length: 4 }, () => expect.any(Number) as number),
        score: expect.any(Number) as number,
        label: expect.any(Number) as number,
        class: expect.stringMatching(/^(striped-disk|speckled-ring)$/) as string,
      });
    expect(stderr).toMatch(/^5 of 5 images in [\d.]+ s, [\d.]+ images\/s/m);
    expect(readdirSync(cwd)).toEqual([]);

    await kd(['predict', run, ...files, '--json', 'found.json', '--out', 'drawn', ...low], { cwd });
    expect(readFileSync(join(cwd, 'found.json'), 'utf8')).toBe(stdout);
    const { images } = JSON.parse(readFileSync(join(cwd, 'drawn/predictions.json'), 'utf8')) as {
      images: { detections: unknown }[];
    };
    expect(images.map(({ detections }) => detections)).toEqual(list(stdout).map(({ detections }) => detections));
  });

  test('--coco writes results on which kd eval --detections finds what kd eval finds', async () => {
    const cwd = temporaryFolder();
    const labels = join(temporaryFolder(), 'labels.json');
    await kd(['label', run, photos, '--out', labels, '--score', '0']);
    const truth = ['--coco', labels, '--images', photos, '--json'];
    const written = await kd(['predict', run, photos, '--coco', 'results.json', '--annotations', labels], { cwd });
    expect(written.code, written.stderr).toBe(0);
    expect(readdirSync(cwd)).toEqual(['results.json']);
    const given = await kd(['eval', '--detections', 'results.json', ...truth], { cwd });
    expect(given.code, given.stderr).toBe(0);
    const evaluated = await kd(['eval', run, ...truth, '--batch-size', '1'], { cwd });
    const figures = ({ stdout }: { stdout: string }): Record<string, unknown> => {
      const { images, metrics, perClass } = JSON.parse(stdout) as Record<string, unknown>;
      return { images, metrics, perClass };
    };
    expect(figures(given)).toEqual(figures(evaluated));
    const { metrics } = figures(given) as { metrics: { AP: number } };
    expect(metrics.AP, 'what it found are the labels').toBeGreaterThan(0.9);
  });

  test.each([
    [['*.webp', '--json', 'x.json'], /^error \[IMAGE_INVALID\] No image matches .*\*\.webp/],
    [['empty', '--out', 'x'], /^error \[IMAGE_INVALID\] There are no images in the folder/],
    [
      ['notes.txt', '--coco', 'x.json'],
      /^error \[IMAGE_INVALID\] None of the 1 images can be used; nothing is written/m,
    ],
    [['0.png', '--json', 'there.json'], /^error \[USAGE\] there\.json is there already; .*--force/],
    [['0.png', '--json', 'x.json', '--coco', 'x.json'], /^error \[USAGE\] --json and --coco both name x\.json/],
    [['0.png', '--json', 'x.json', '--annotations', 'a.json'], /^error \[USAGE\] --annotations .* --coco/],
    [
      ['0.png', '--coco', 'x.json', '--annotations', 'a.json'],
      /^error \[DATA_INVALID\] a\.json, the annotations, cannot/m,
    ],
    [['0.png', '0.png', '--coco', 'x.json'], /^error \[USAGE\] .*0\.png is named twice/m],
  ])('%j is refused, and nothing is written', async ([image, ...rest], message) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'there.json'), 'mine');
    mkdirSync(join(cwd, 'empty'));
    const path = image === 'empty' ? image : join(photos, image!);
    const { code, stdout, stderr } = await kd(
      ['predict', run, path, ...rest.map((one) => (one.endsWith('0.png') ? join(photos, one) : one))],
      { cwd },
    );
    expect([code === 0, stdout]).toEqual([false, '']);
    expect(stderr).toMatch(message);
    expect(readdirSync(cwd).sort()).toEqual(['empty', 'there.json']);
    expect(readFileSync(join(cwd, 'there.json'), 'utf8')).toBe('mine');
  });
});

test.each([
  ['config.json', 'null', /config\.json, which holds the settings of the run, cannot be read: it holds null/],
  ['config.json', '{"da', /config\.json, which holds the settings of the run, cannot be read/],
  ['origin.json', '{"config": "/so', /origin\.json, which says where the config of the run lay, cannot be read/],
])('a run whose %s is damaged (%s) is refused, naming the file', async (name, content, message) => {
  const copy = join(temporaryFolder(), 'run');
  cpSync(run, copy, { recursive: true });
  writeFileSync(join(copy, name), content);
  const { code, stderr } = await kd(['label', copy, photos, '--out', join(copy, 'x.json')]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
  expect(stderr).toMatch(/^error \[RUN_FOLDER\]/);
});
