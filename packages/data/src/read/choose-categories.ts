import { type Category, KdError, suggestion } from '@kd/core/plain';

/**
 * The categories in the order of the labels: those that are given by name; else all, in the order that is wanted where
 * it holds the same names, or by their ids.
 * @throws KdError DATA_INVALID for a name that is not there, CONFIG_INVALID for one that is given twice
 */
export function chooseCategories(
  categories: readonly Category[],
  given: readonly string[] | undefined,
  wanted: readonly string[] | undefined,
  file: string,
): readonly Category[] {
  const byName = new Map(categories.map((category) => [category.name, category]));
  if (given !== undefined)
    return distinct(given).map((name) => {
      const names = [...byName.keys()];
      const hint = suggestion(name, names);
      return (
        byName.get(name) ??
        fail(
          'DATA_INVALID',
          `${file}: there is no category "${name}"${hint === '' ? '' : ` (${hint})`}, which \`classes\` asks for; its categories are ${names.join(', ')}.`,
        )
      );
    });
  if (wanted?.length === categories.length && wanted.every((name) => byName.has(name)))
    return wanted.map((name) => byName.get(name)!);
  return [...categories].sort((a, b) => a.id - b.id);
}

/** @throws KdError CONFIG_INVALID for a list that is empty or holds a name twice */
export function distinct(names: readonly string[]): readonly string[] {
  if (names.length === 0) fail('CONFIG_INVALID', 'classes: the list is empty; name at least one class.');
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) fail('CONFIG_INVALID', `classes: "${twice}" is listed twice; class names must differ.`);
  return names;
}

function fail(code: 'CONFIG_INVALID' | 'DATA_INVALID', message: string): never {
  throw new KdError(code, message);
}
