// Publishes a study (`pnpm docs:results bccd-gfl runs/bccd-gfl`): table.json, table.md and the summaries of its runs go
// to docs/results/bccd-gfl, its tables between two marks in docs/results.md; words outside of marks are written by hand.
// Without a name it writes all tables of the page anew from docs/results, with --check it only says whether they are
// what lies there. --docs FOLDER takes another folder than docs.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cell, markdownTable } from '../packages/cli/dist/study/table-files.js';
import { notes, tableParts } from '../packages/cli/dist/study/table-parts.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean' }, docs: { type: 'string' } },
});
const docs = resolve(values.docs ?? join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs'));
const file = join(docs, 'results.md');

const fail = (message) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};
const json = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** No path of the machine that trained it: what lies in examples from there on, of others the name. */
const withoutPaths = (text) =>
  text.replaceAll(/(?<=^|[\s"'`])\/[^\s"'`]+/g, (path) => /examples\/.*/.exec(path)?.[0] ?? path.split('/').at(-1));
const plain = (path) =>
  JSON.parse(JSON.stringify(json(path)), (_, value) => (typeof value === 'string' ? withoutPaths(value) : value));
const write = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

const marks = (name) => [`<!-- results/${name}: made by pnpm docs:results -->`, `<!-- end of results/${name} -->`];

/** All tables but that of single runs, which is long and stands in table.md. */
function block(name) {
  const { tables } = json(join(docs, 'results', name, 'table.json'));
  const [begin, end] = marks(name);
  const parts = tables.flatMap((table) => tableParts(table).slice(0, -1));
  return [
    begin,
    '',
    ...parts.flatMap(({ title, head, rows }) => [`**${cell(title)}**`, '', ...markdownTable(head, rows), '']),
    ...notes(tables).map((note) => `- ${cell(note)}`),
    `- Run by run: [table.md](results/${name}/table.md), and [their summaries](results/${name}).`,
    '',
    end,
  ].join('\n');
}

function withBlock(page, name) {
  const [begin, end] = marks(name);
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 && to < 0) return `${page.trimEnd()}\n\n## ${name}\n\n${block(name)}\n`;
  if (from < 0 || to < from)
    fail(`docs/results.md has one mark of ${name} without the other; put back ${from < 0 ? begin : end}`);
  return page.slice(0, from) + block(name) + page.slice(to + end.length);
}

/** Everything is read before anything is written. */
function publish(name, folder) {
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    fail(`${name} cannot be the name of a folder in docs/results: small letters, digits and -`);
  if (!existsSync(join(folder, 'table.json')))
    fail(`${folder} has no table.json: let kd compare train the study to its end first`);
  const table = plain(join(folder, 'table.json'));
  const runs = table.tables[0].runs.filter(({ missing }) => missing === null).map(({ run }) => run);
  const teachers = readdirSync(folder).filter(
    (run) => run.startsWith('teacher-') && existsSync(join(folder, run, 'summary.json')),
  );
  const summaries = [...runs, ...teachers].map((run) => [run, plain(join(folder, run, 'summary.json'))]);
  const markdown = withoutPaths(readFileSync(join(folder, 'table.md'), 'utf8'));
  const out = join(docs, 'results', name);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  write(join(out, 'table.json'), table);
  writeFileSync(join(out, 'table.md'), markdown);
  for (const [run, summary] of summaries) write(join(out, `${run}.summary.json`), summary);
}

const [name, folder] = positionals;
if (name !== undefined && folder === undefined)
  fail('give the name and the folder of the study: pnpm docs:results NAME FOLDER');
if (name !== undefined) publish(name, folder);
const isStudy = (one) => {
  const table = join(docs, 'results', one, 'table.json');
  return existsSync(table) && Array.isArray(json(table).tables);
};
const written = readFileSync(file, 'utf8');
for (const [, marked] of written.matchAll(/^<!-- results\/(\S+): made by/gm))
  if (!isStudy(marked))
    fail(`docs/results.md has tables of ${marked}, and docs/results/${marked}/table.json is not there`);
const page = readdirSync(join(docs, 'results')).filter(isStudy).reduce(withBlock, written);
if (values.check !== true) writeFileSync(file, page);
else if (page !== written) fail('docs/results.md is not what the tables in docs/results say; run `pnpm docs:results`.');
