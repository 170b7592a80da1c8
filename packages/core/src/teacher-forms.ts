import { closest } from './errors.js';
import { isObject } from './is-object.js';
import { shown } from './shown.js';

/** How a config names what lies in a file, or nothing where the text is no path of one that a teacher can be in. */
export function teacherInFile(path: string): string {
  const other = /\.onnx$/i.test(path) ? 'onnx' : /\.json$/i.test(path) ? 'tfjs' : null;
  if (other !== null)
    return `Write ["${other}", { model: ${shown(path)}, input: { … } }]; kd teacher inspect ${path} prints all of it.`;
  return /^\.{0,2}\/|^[^@].*[\\/]|\.(safetensors|pth|pt|ckpt)$/i.test(path)
    ? `A run folder or checkpoint of a detector is written as { weights: ${shown(path)} }.`
    : '';
}

/** What to write in place of something that names no package as it should, where it has a name in it. */
export function packageMeant(given: unknown): string {
  const [name, options, ...rest]: readonly unknown[] = Array.isArray(given) ? (given as unknown[]) : [];
  if (typeof name === 'string' && options === undefined) return `: write ${shown(name)}`;
  if (typeof name === 'string' && rest.length === 0) return `: write [${shown(name)}, { … }]`;
  if (!isObject(given)) return '';
  const { name: called, ...others } = given;
  if (typeof called === 'string') return `: write [${shown(called)}, ${optionsOf(others)}]`;
  const [[key, value] = [''], ...more] = Object.entries(given);
  return key === '' || more.length > 0 ? '' : `: write [${shown(key)}, ${optionsOf(value)}]`;
}

const optionsOf = (given: unknown): string => (isObject(given) ? shown(given) : '{ … }');

/** Keys of a detector as a teacher. */
const KEYS = ['weights', 'detector', 'classes'];

/** Whether something in the place of a teacher means a detector with its weights, as it is or misspelt. */
export const meansDetector = (given: unknown): boolean =>
  isObject(given) && Object.keys(given).some((key) => closest(key, KEYS) !== '');

/** What is said of something that is no teacher. */
export function noTeacher(given: unknown): string {
  const file = isObject(given)
    ? Object.values(given).find((value) => typeof value === 'string' && /\.(onnx|json)$/i.test(value))
    : undefined;
  const way = typeof file === 'string' ? `. ${teacherInFile(file)}` : packageMeant(given);
  return `must be { weights: "a run folder or a checkpoint" } of a detector; of another family a name, [name, { options }] or the result of a function of its package${way}`;
}
