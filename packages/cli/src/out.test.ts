import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KdError } from '@kd/core';
import { tellFailure } from './failures.js';
import { main } from './main.js';
import { print, printJson, tell } from './out.js';

const said = { out: '', err: '' };
beforeEach(() => {
  Object.assign(said, { out: '', err: '' });
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((said.out += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((said.err += String(text)), true));
});
afterEach(() => void vi.restoreAllMocks());

const NASTY = 'a\u001b[2J\nerror [X] b\u009b31m\u202e';
const SHOWN = 'a\\u001b[2J\\nerror [X] b\\u009b31m\\u202e';

test('what is printed is one line each', () => {
  print(NASTY, 'more');
  tell(NASTY);
  expect(said).toEqual({ out: `${SHOWN}\nmore\n`, err: `${SHOWN}\n` });
});

test.each([0, 2])('JSON of indent %i stays the same JSON', (indent) => {
  const value = { [NASTY]: [NASTY], b: { c: 1 } };
  printJson(value, indent);
  expect(JSON.parse(said.out)).toEqual(value);
  expect(said.out).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
  expect(said.out.split('\n')).toHaveLength(JSON.stringify(value, null, indent).split('\n').length + 1);
});

test.each([
  ['of ours', new KdError('USAGE', NASTY), `error [USAGE] ${SHOWN}\n`],
  ['of ours in lines', new KdError('USAGE', ['one', '  two']), 'error [USAGE] one\n  two\n'],
  ['of anything', NASTY, `error [UNEXPECTED] ${SHOWN}\n`],
  ['of the parser', Object.assign(new Error(NASTY), { name: 'CACError' }), `error [USAGE] ${SHOWN}; see kd --help\n`],
])('an error %s', (_, error, text) => {
  tellFailure(error, false);
  expect(said.err).toBe(text);
});

test.each([[['evil\u001b[31m\nx']], [['train', 'evil\u001b[31m\nx']], [['eval', 'evil\u001b[31m\nx']]])(
  'a name that was typed: kd %j',
  async (argv) => {
    expect(await main(argv)).not.toBe(0);
    expect(said.err).toContain('evil\\u001b[31m\\nx');
    expect(said.err.trimEnd()).not.toMatch(/\p{Cc}/u);
  },
);

test.each([
  ['a class and a picture', (picture: string) => ({ file_name: picture, category: NASTY, there: true }), 0],
  ['a picture that is missing', () => ({ file_name: `gone${NASTY}.png`, category: 'c', there: true }), 1],
  ['a key', (picture: string) => ({ file_name: picture, category: 'c', there: false, [NASTY]: 1 }), 1],
])('kd data check shows %s of such a name', async (_, make, code) => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-out-'));
  const picture = `${NASTY}.png`.replaceAll('/', '');
  await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).toFile(join(folder, 'p.png'));
  await rename(join(folder, 'p.png'), join(folder, picture));
  const { file_name, category, there, ...more } = make(picture);
  await writeFile(
    join(folder, 'a.json'),
    JSON.stringify({
      images: [{ id: 1, file_name, width: 8, height: 8 }],
      annotations: [
        { id: 1, image_id: there ? 1 : Object.keys(more)[0], category_id: 1, bbox: [1, 1, 4, 4], area: 16 },
      ],
      categories: [{ id: 1, name: category }],
    }),
  );
  expect(await main(['data', 'check', '--coco', join(folder, 'a.json'), '--images', folder])).toBe(code);
  expect(said.out + said.err).toContain(SHOWN);
  expect(said.out + said.err).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}|^error \[X\]/mu);
  await rm(folder, { recursive: true });
});

test('nothing is written past these', async () => {
  const packages = fileURLToPath(new URL('../..', import.meta.url));
  const folders = (await readdir(packages)).map((name) => `${name}/src`);
  const files = (
    await Promise.all(
      folders.map(async (folder) =>
        (await readdir(`${packages}/${folder}`, { recursive: true })).map((file) => `${folder}/${file}`),
      ),
    )
  )
    .flat()
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const writing: string[] = [];
  for (const file of files) {
    const code = await readFile(`${packages}/${file}`, 'utf8');
    for (const line of code.split('\n'))
      if (
        /std(out|err)\.write|stream\.write\(|console\.(log|warn|error|info)/.test(line) &&
        !line.includes('printable(')
      )
        writing.push(file);
  }
  expect(files.length).toBeGreaterThan(200);
  expect([...new Set(writing)].sort()).toEqual([
    'cli/src/out.ts',
    // What a person types there alone is shown.
    'create-plugin/src/main.ts',
    // Passes on what TensorFlow.js says.
    'engine-tensorflow/src/kernels.ts',
  ]);
});
