import { KdError } from '@kd/core/plain';
import { readJson } from '../read/json.js';
import { from } from '../read/safe-path.js';

/**
 * A list of class names: as it is, as JSON text (`["a", "b"]`), or from the JSON file of that name.
 * @throws KdError CONFIG_INVALID
 */
export async function classList(
  classes: string | readonly string[] | undefined,
  folder: string,
): Promise<readonly string[] | undefined> {
  if (typeof classes !== 'string') return classes;
  const literal = classes.trimStart().startsWith('[');
  const value = literal ? parse(classes) : (await readJson(from(folder, classes))).value;
  if (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((name): name is string => typeof name === 'string' && name !== '')
  )
    return value;
  throw new KdError(
    'CONFIG_INVALID',
    `--classes: a JSON list of class names is wanted, like ["cat", "dog"], in ${literal ? classes : `the file ${classes}`}.`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
