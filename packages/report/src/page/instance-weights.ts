import { chart } from './chart.js';
import { legend } from './curves.js';
import { type Html, html, section } from './html.js';
import type { RunRecord } from './run-record.js';

/** What the prototype plugin tells of its weights: how they spread on each level. */
const WEIGHT = /^(.*)\.weight\.(mean|min|low)\.(\d+)$/;

const TITLES = { mean: 'mean', min: 'lowest', low: 'share below 0.5' } as const;

/** Weights of instances over the steps; nothing where no plugin of the run handed any out. */
export function instanceWeights(runs: readonly RunRecord[]): Html {
  const parts = runs.flatMap((run) => {
    const found = [...new Set(run.logs.flatMap(({ stats }) => Object.keys(stats)))].flatMap((name) => {
      const [, plugin, kind, level] = WEIGHT.exec(name) ?? [];
      return kind === undefined
        ? []
        : [{ name, plugin: plugin!, kind: kind as keyof typeof TITLES, level: Number(level) }];
    });
    return [...new Set(found.map(({ plugin }) => plugin))].map((plugin) => {
      const own = found.filter((one) => one.plugin === plugin);
      const levels = [...new Set(own.map(({ level }) => level))].sort((a, b) => a - b);
      const charts = (['mean', 'min', 'low'] as const).map((kind) =>
        chart({
          title: `${plugin}: ${TITLES[kind]}`,
          y: [0, 1],
          lines: own
            .filter((one) => one.kind === kind)
            .map(({ name, level }) => ({
              colour: levels.indexOf(level),
              points: run.logs.map(({ step, stats }) => [step, stats[name] ?? null] as const),
            })),
        }),
      );
      return html`${runs.length > 1 ? html`<h3>${run.name}</h3>` : html``}${legend(levels.map((level) => ({ name: `level ${level}` })))}<div class="charts">${charts}</div>`;
    });
  });
  return parts.length === 0
    ? html``
    : section(
        'Weights of instances',
        'How the weights that a plugin gives to objects spread, by step and level, finest level first: 1 counts fully, 0 not at all.',
        ...parts,
      );
}
