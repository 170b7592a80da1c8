import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root } from './pages.js';

const folder = mkdtempSync(join(tmpdir(), 'kd-results-'));
afterAll(() => rmSync(folder, { recursive: true }));

const results = (...words: string[]) =>
  spawnSync(process.execPath, [join(root, 'scripts/results-page.mjs'), ...words], { encoding: 'utf8' });

test('the tables of docs/results.md are those of docs/results (else: pnpm docs:results)', () => {
  expect(results('--check')).toMatchObject({ stderr: '', status: 0 });
});

test('a study is published between words that stay, without paths of the machine; a changed figure is told', () => {
  const docs = join(folder, 'docs');
  const study = join(folder, 'study');
  for (const path of [join(docs, 'results'), join(study, 'alone-0'), join(study, 'ssim-0')])
    mkdirSync(path, { recursive: true });
  const page = join(docs, 'results.md');
  writeFileSync(page, '# Results\n\nWords by hand.\n');
  const publish = () => results('cells', study, '--docs', docs);

  expect(publish()).toMatchObject({ status: 1, stderr: expect.stringContaining('has no table.json') as string });
  expect(readdirSync(join(docs, 'results'))).toEqual([]);

  const of = (mean: number, gain: number | null) => ({
    mean,
    deviation: null,
    gain: gain === null ? null : { value: gain, interval: [gain - 0.01, gain + 0.01], chance: 'one seed' },
  });
  const variant = (name: string, mean: number, gain: number | null) => ({
    ...{ variant: name, seeds: [0], missing: [], figure: of(mean, gain), perClass: { RBC: of(mean, gain) } },
    ...{ others: { AP50: 0.5 }, minutes: 2, cost: 1, steps: 300 },
  });
  const run = (name: string) => ({
    ...{ run: name, missing: null, metrics: { AP: 0.25 }, perClass: { RBC: 0.25 }, interval: [0.2, 0.3] },
    ...{ minutes: 2, steps: 300 },
  });
  const table = {
    ...{ study: 'cells', data: 'validation data (cells)', metric: 'coco', primary: 'AP', base: 'alone', images: 87 },
    ...{ resamplings: 1000, classes: ['RBC'], runs: [run('alone-0'), run('ssim-0')] },
    variants: [variant('alone', 0.25, null), variant('ssim', 0.3, 0.05)],
  };
  writeFileSync(join(study, 'table.json'), JSON.stringify({ study: 'cells', tables: [table] }));
  writeFileSync(join(study, 'table.md'), '# cells\n');
  for (const name of ['alone-0', 'ssim-0'])
    writeFileSync(
      join(study, name, 'summary.json'),
      JSON.stringify({ command: `kd train /somewhere/kd/examples/cells.study.ts --out ${study}/${name}`, minutes: 2 }),
    );

  expect(publish()).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(join(docs, 'results/cells'))).toEqual([
    ...['alone-0.summary.json', 'ssim-0.summary.json', 'table.json', 'table.md'],
  ]);
  expect(JSON.parse(readFileSync(join(docs, 'results/cells/ssim-0.summary.json'), 'utf8'))).toEqual({
    command: 'kd train examples/cells.study.ts --out ssim-0',
    minutes: 2,
  });
  const made = readFileSync(page, 'utf8');
  expect(made).toMatch(/^# Results\n\nWords by hand\.\n\n## cells\n/);
  expect(made).toContain('| ssim | 1 | 30.0 | – | +5.0 | +4.0 … +6.0 | one seed | 2.0 | 1.00 × | 300 |');

  writeFileSync(page, `${made.replace('| 30.0 |', '| 31.0 |')}\nMore words.\n`);
  expect(results('--check', '--docs', docs)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('pnpm docs:results') as string,
  });
  expect(publish().status).toBe(0);
  expect(readFileSync(page, 'utf8')).toBe(`${made}\nMore words.\n`);
});
