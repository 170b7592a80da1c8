import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { StudyTable } from '../../packages/cli/src/study/table.js';
import { config, kd, kdProcess, type Result, temporaryFolder } from './kd.js';

const folder = temporaryFolder();
const study = config('compared.study.ts');
const short = config('compared-short.study.ts');
const whole = join(folder, 'whole');
const text = (run: string, ...path: string[]): string => readFileSync(join(run, ...path), 'utf8');
const tables = (of: string) => (JSON.parse(text(of, 'table.json')) as { tables: readonly StudyTable[] }).tables;
const until = async (there: () => boolean): Promise<void> => {
  while (!there()) await new Promise((again) => setTimeout(again, 20));
};
const begun = (run: string): boolean => existsSync(run) && readdirSync(run).some((name) => name.startsWith('step-'));

let said: Result;
beforeAll(async () => {
  said = await kdProcess(['compare', study, '--out', whole, '--jobs', '2']);
});

test('a study ends with its table; a run that failed says why, and the others stand', () => {
  expect(said.code).toBe(1);
  expect(said.stdout).toContain('lost, seed 0: [CHECKPOINT_INVALID] ');
  expect(said.stdout).toContain('There are figures of one seed');
  const [{ variants, images, runs }, test] = tables(whole) as [StudyTable, StudyTable];
  expect([test.images, test.variants[1]!.figure !== null]).toEqual([4, true]);
  expect(images).toBe(6);
  expect(variants.map(({ variant, seeds, steps }) => [variant, seeds, steps])).toEqual([
    ['alone', [0], 6],
    ['ssim', [0], 6],
    ['more', [0], 12],
    ['lost', [], null],
  ]);
  const [alone, ssim, more] = variants;
  expect(alone!.figure).toEqual({ mean: expect.any(Number) as number, deviation: null, gain: null });
  expect(ssim!.figure!.gain!.value).toBeCloseTo(ssim!.figure!.mean - alone!.figure!.mean, 12);
  // Twice the steps: no gain of a method.
  expect(more!.figure!.gain).toBeNull();
  const { last } = JSON.parse(text(whole, 'ssim-0', 'summary.json')) as { last: Record<string, number> };
  expect(ssim!.figure!.mean).toBeCloseTo(last['AP']!, 12);
  expect(runs.map(({ run }) => run)).toEqual(['teacher-big', 'alone-0', 'ssim-0', 'more-0', 'lost-0']);
  expect(text(whole, 'lost-0.log')).toContain('nowhere.safetensors');
  for (const page of ['table.md', 'table.json', 'index.html']) {
    expect(text(whole, page)).toContain('tests/e2e/configs/nowhere.safetensors does not exist');
    for (const place of [process.cwd(), folder]) expect(text(whole, page)).not.toContain(place);
  }
  for (const page of ['table.md', 'index.html']) expect(text(whole, page)).toContain('speckled-ring');
});

test('kd report shows the runs of the study that there are, with their teacher and its features', async () => {
  const page = join(folder, 'page.html');
  const { code, stdout, stderr } = await kd(['report', whole, '--out', page, '--json']);
  expect([code, stderr.match(/error/)]).toEqual([0, null]);
  const { runs, bytes } = JSON.parse(stdout) as { runs: { name: string }[]; bytes: number };
  expect(runs.map(({ name }) => name)).toEqual(['alone-0', 'more-0', 'ssim-0', 'teacher-big']);
  expect(bytes).toBeLessThan(2e6);
  const shown = text(page);
  expect(shown).not.toContain('class="note"');
  for (const part of ['<figcaption>ssim.', '<figcaption>speckled-ring', '<b>teacher</b>', 'alt="difference, neck@p'])
    expect(shown).toContain(part);
  const wrong = await kd(['report', join(whole, 'alone-0'), '--out', join(whole, 'alone-0', 'config.json')]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('name it .html')]);
});

test('killed, and stopped, it ends with the same figures', async () => {
  const cut = join(folder, 'cut');
  const start = ['compare', short, '--out', cut];
  let ended = false;
  let stop = (): void => {};
  const first = kdProcess(start, { onStderr: (_, kill) => (stop = () => kill('SIGKILL')) });
  void first.then(() => (ended = true));
  await until(() => ended || begun(join(cut, 'teacher-big', 'checkpoints')));
  stop();
  expect((await first).stderr).toContain('(ended by SIGKILL)');

  const second = kdProcess(start, { onStderr: (_, kill) => (stop = () => kill('SIGINT')) });
  await until(() => begun(join(cut, 'alone-0', 'checkpoints')));
  stop();
  const stopped = await second;
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain(`go on with: kd compare tests/e2e/configs/compared-short.study.ts --out ${cut}`);
  expect(existsSync(join(cut, 'table.json'))).toBe(false);
  const early = await kd([...start, '--table']);
  expect([early.code, early.stdout]).toEqual([0, expect.stringMatching(/ssim, seed 0.*: not trained yet/)]);
  expect(existsSync(join(cut, 'ssim-0'))).toBe(false);
  const elsewhere = await kd(['compare', study, '--out', `${cut}-not`, '--table']);
  expect(elsewhere.stderr).toContain('cut-not is not there');
  expect(existsSync(`${cut}-not`)).toBe(false);

  const last = await kdProcess(start);
  expect(last.code, last.stderr).toBe(0);
  expect(last.stderr).toMatch(/[1-2] of 3 runs are there already/);
  const figures = (of: string): unknown =>
    tables(of).map(({ variants, runs }) => [
      variants.slice(0, 2).map(({ variant, figure, steps }) => [variant, figure, steps]),
      runs.slice(0, 3).map(({ run, metrics, perClass, interval, steps }) => [run, metrics, perClass, interval, steps]),
    ]);
  expect(figures(cut)).toEqual(figures(whole));
  for (const run of ['alone-0', 'ssim-0'])
    expect(text(cut, run, 'detections.json')).toBe(text(whole, run, 'detections.json'));
});

test('runs of another study are refused, and nothing is trained', async () => {
  const record = text(whole, 'study.json');
  const result = await kd(['compare', config('compared-other.study.ts'), '--out', whole]);
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.stderr).toContain('error [RUN_FOLDER]');
  expect(result.stderr).toMatch(/ {2}data\.val\.images was 6, now 5/);
  expect(result.stderr).toMatch(/ {2}runs\.ssim-0\.distillers.* was \["ssim"\], now \[\["ssim",\{"weight":2\}\]\]/);
  expect(text(whole, 'study.json')).toBe(record);
});

test('runs say themselves what they are: without study.json those of another study are refused, too', async () => {
  const record = text(whole, 'study.json');
  rmSync(join(whole, 'study.json'));
  const result = await kd(['compare', config('compared-other.study.ts'), '--out', whole]);
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.stderr).toMatch(/ {2}runs\.ssim-0\.distillers\.0\.options\.weight was 4, now 2/);
  expect(result.stderr).toMatch(/ {2}runs\.alone-0\.data\.val\.images was 6, now 5/);
  expect(existsSync(join(whole, 'study.json'))).toBe(false);
  writeFileSync(join(whole, 'study.json'), record);
});

test('one run and a study do not share a folder; a name that is nobody is told before anything is trained', async () => {
  const inside = await kd(['compare', study, '--out', join(whole, 'ssim-0')]);
  expect(inside).toMatchObject({ code: 1, stderr: expect.stringContaining('is the folder of one run') });
  expect(existsSync(join(whole, 'ssim-0', 'study.json'))).toBe(false);
  const over = await kd(['train', study, '--run', 'ssim-0', '--out', whole]);
  expect(over).toMatchObject({ code: 1, stderr: expect.stringContaining('is the folder of a study') });
  const out = join(folder, 'nobody');
  const nobody = await kd(['compare', config('compared-nobody.study.ts'), '--out', out]);
  expect(nobody).toMatchObject({ code: 1, stdout: '' });
  expect(nobody.stderr).toMatch(/ssim-0 of .*: no teacher named "nobody" .*Teachers of the study: big; its variants: /);
  const nothing = await kdProcess(['compare', study, '--out', out, '--engine', 'nothing']);
  expect(nothing).toMatchObject({ code: 1, stdout: '' });
  expect(nothing.stderr).toMatch(/^error \[PLUGIN_NOT_FOUND\] no engine named "nothing" is installed .*\n$/);
  expect(existsSync(out)).toBe(false);
});

test('one run of a study is trained by hand, and goes on; a study is no config', async () => {
  const out = join(folder, 'by-hand', 'alone-0');
  expect(await kd(['train', study, '--run', 'alone-0', '--epochs', '1', '--out', out])).toMatchObject({ code: 0 });
  expect(await kd(['train', '--resume', out, '--epochs', '2'])).toMatchObject({ code: 0 });
  expect(JSON.parse(text(out, 'summary.json'))).toMatchObject({ steps: 6, seed: 0 });
  const missing = await kd(['train', study]);
  expect(missing).toMatchObject({ code: 2 });
  expect(missing.stderr).toContain('with --run: teacher-big, alone-0, ssim-0, more-0, lost-0');
  expect((await kd(['train', config('alone.config.ts'), '--run', 'alone-0'])).stderr).toContain(
    'is a config and no study',
  );
  expect((await kd(['compare', config('alone.config.ts')])).stderr).toContain('is no study: it has no variants');
});
