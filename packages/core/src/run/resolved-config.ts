import type { DatasetSource, Loader } from '../contract/data.js';
import { resolveSource } from './build.js';
import type { Run } from './run.js';

/**
 * The config as it ran, as plain data: names and options instead of functions, every default filled in. Run again it
 * gives the same run, as far as names stand for its parts.
 */
export function resolvedConfig(
  { config, options, student, teachers, distillers, metric, engine, train, val, stop }: Run,
  { augment = config.data.augment }: Pick<Loader, 'augment'>,
): Record<string, unknown> {
  const describe = (source: Run['config']['data']['train'], name: string): unknown => {
    const { spec = { name } } = resolveSource(source, options) as Partial<DatasetSource>;
    return spec;
  };
  return plain({
    ...config,
    engine: engine.name,
    student: [student.spec.name, student.spec.options],
    teacher: config.teacher && teachers[0]?.written,
    teachers: config.teachers && Object.fromEntries(teachers.map(({ id, written }) => [id, written])),
    distillers: distillers.map(({ id, name, options: own }) => (id === name ? [name, own] : [name, own, { as: id }])),
    data: {
      ...config.data,
      train: describe(config.data.train, train.name),
      val: config.data.val === undefined ? undefined : describe(config.data.val, val?.name ?? ''),
      augment,
    },
    evaluate: {
      ...config.evaluate,
      metric: metric.options === undefined ? { name: metric.name } : [metric.name, metric.options],
      batchSize: config.evaluate.batchSize ?? config.batchSize,
    },
    stop: stop ?? undefined,
  }) as Record<string, unknown>;
}

/** Options as plain data: a function is told by its name, which no schema takes for the function. */
export const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (_, one: unknown) =>
      typeof one === 'function' ? `function ${one.name}`.trim() : one,
    ),
  );
