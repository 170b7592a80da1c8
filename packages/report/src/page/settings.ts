import { count, engineText } from '../figures.js';
import { type Html, html, section } from './html.js';
import type { RunRecord } from './run-record.js';

/** What was asked for, and where it ran. */
export const settings = (runs: readonly RunRecord[]): Html =>
  section(
    'Settings and machine',
    'The config as it ran, with every default filled in, and what it ran on.',
    ...runs.map(
      (
        run,
      ) => html`${runs.length > 1 ? html`<h3>${run.name}</h3>` : html``}<div class="wide"><table class="facts">${facts(run).map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</table></div>
${plan(run)}
<details><summary>config.json</summary><pre>${lines(JSON.stringify(run.config, null, 2))}</pre></details>`,
    ),
  );

const plan = ({ plan: { value, why } }: RunRecord): Html =>
  value === undefined
    ? html`<p class="dim">${why}</p>`
    : html`<details><summary>plan: what was trained, by what, on what</summary><pre>${lines(value.join('\n'))}</pre></details>`;

/** Line breaks stay: escaping would take them for control signs. */
const lines = (text: string): Html[] =>
  text.split('\n').map(
    (line) => html`${line}
`,
  );

function facts({ folder, summary, logs }: RunRecord): [string, string][] {
  if (summary === null) return [['folder', folder]];
  const { student, teacher, teachers = {}, distillers, engine, versions, command, seed, inherited = [] } = summary;
  const model = ({ detector, parameters, trainable, weights }: typeof student): string =>
    `${detector}, ${count(parameters)} parameters${trainable === parameters ? '' : `, ${count(trainable)} of them trained`}${weights === null ? '' : `, from ${weights}`}`;
  return [
    ['folder', folder],
    ['command', command],
    ['student', model(student)],
    ...(teacher === null ? [] : [['teacher', model(teacher)] as [string, string]]),
    ...Object.entries(teachers).map(([name, info]): [string, string] => [`teacher ${name}`, model(info)]),
    ['distillers', distillers.length === 0 ? 'none: it learned alone' : distillers.join(', ')],
    ...(inherited.length === 0
      ? []
      : [['started with', `${inherited.length} parts of the teacher`] as [string, string]]),
    ['seed', String(seed)],
    ['engine', engineText(engine)],
    ...(logs.length === 0
      ? []
      : [
          ['memory', `at most ${Math.max(...logs.map(({ memory }) => memory))} MiB`] as [string, string],
          [
            'waited for data',
            `${Math.round((100 * logs.reduce((sum, { waited }) => sum + waited, 0)) / logs.length)} % of the time`,
          ] as [string, string],
        ]),
    [
      'versions',
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
  ];
}
