import { messageOf, type StoredSettings } from '@kd/core';
import { type Literal, pythonLiterals } from './python-literals.js';

/** Where mean, deviation and order of the pixels stand: in mmdetection 3.x, and in 2.x and 1.x. */
const PIXELS = [
  { at: 'model.data_preprocessor', rgb: 'bgr_to_rgb', byDefault: false },
  { at: 'data_preprocessor', rgb: 'bgr_to_rgb', byDefault: false },
  { at: 'img_norm_cfg', rgb: 'to_rgb', byDefault: true },
] as const;
const [STYLE, TYPE] = ['model.backbone.style', 'model.backbone.type'];

const KEYS: ReadonlySet<string> = new Set([
  STYLE,
  TYPE,
  ...PIXELS.flatMap(({ at, rgb }) => [`${at}.mean`, `${at}.std`, `${at}.${rgb}`]),
]);

/**
 * What a config of mmdetection, which stands in a checkpoint's `meta`, says of pixels and backbone, as options of a
 * detector. The config is Python and is read as text: only literals count, and nothing is run.
 * @param text `meta.cfg`, or `meta.config` of 2.x and 1.x; undefined where the file has none
 */
export function mmdetSettings(text: string | undefined): StoredSettings {
  const program = 'mmdetection';
  if (text === undefined) return { program };
  try {
    return { program, from: 'meta.cfg', ...settingsIn(pythonLiterals(text, KEYS)) };
  } catch (error) {
    return { program, unread: messageOf(error) };
  }
}

function settingsIn(found: ReadonlyMap<string, Literal | undefined>): Pick<StoredSettings, 'input' | 'style'> {
  const pixels = PIXELS.find(({ at }) => found.has(`${at}.mean`) || found.has(`${at}.std`));
  return { ...(pixels !== undefined && { input: inputOf(pixels, found) }), ...styleOf(found) };
}

function inputOf(
  { at, rgb, byDefault }: (typeof PIXELS)[number],
  found: ReadonlyMap<string, Literal | undefined>,
): NonNullable<StoredSettings['input']> {
  const three = (key: string): readonly [number, number, number] => {
    const value = found.get(key);
    if (Array.isArray(value) && value.length === 3 && value.every(Number.isFinite))
      return value as unknown as readonly [number, number, number];
    throw new Error(`${key} is ${value === undefined ? 'no literal' : `${JSON.stringify(value)}, not three numbers`}`);
  };
  const order = found.has(`${at}.${rgb}`) ? found.get(`${at}.${rgb}`) : byDefault;
  if (typeof order !== 'boolean') throw new Error(`${at}.${rgb} is neither True nor False`);
  return {
    mean: three(`${at}.mean`),
    std: three(`${at}.std`),
    range: 255,
    channels: order ? 'rgb' : 'bgr',
  };
}

function styleOf(found: ReadonlyMap<string, Literal | undefined>): Pick<StoredSettings, 'style'> {
  const [style, type] = [found.get(STYLE), found.get(TYPE)];
  if (style === 'caffe' || style === 'pytorch') return { style };
  // What mmdetection's ResNets have where nothing is said.
  return !found.has(STYLE) && (type === 'ResNet' || type === 'ResNeXt') ? { style: 'pytorch' } : {};
}
