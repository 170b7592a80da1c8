import type { StoredSettings } from '@kd/core';
import type { WeightsFile } from '../weights-file.js';
import { liteSettings } from './lite-settings.js';
import { mmdetSettings } from './mmdet-settings.js';

/** Names of mmdetection's detectors, whatever wraps them. */
const MMDETECTION = /(?:^|\.)(?:bbox_head|roi_head|neck\.lateral_convs)\./;

/**
 * What a file says of the pixels that its model reads, of its backbone and its classes: the config and the list in the
 * `meta` of mmdetection's checkpoints, which `kd convert` keeps, and what EfficientNet-Lite was trained with. Undefined
 * for files of programs that have one way of doing it.
 */
export function storedSettings({ meta, tensors }: Pick<WeightsFile, 'meta' | 'tensors'>): StoredSettings | undefined {
  const lite = liteSettings(tensors.keys());
  if (lite !== undefined) return lite;
  const said = metaOf(meta);
  const text = [said['cfg'], said['config']].find((one) => typeof one === 'string');
  if (text === undefined && ![...tensors.keys()].some((name) => MMDETECTION.test(name))) return undefined;
  const classes = classesIn(said);
  return { ...mmdetSettings(text), ...(classes && { classes }) };
}

type Said = Readonly<Record<string, unknown>>;
const recordOf = (value: unknown): Said => (typeof value === 'object' && value !== null ? (value as Said) : {});

/** What the training said of itself; `kd convert` keeps it as text. */
function metaOf(meta: unknown): Said {
  const said = recordOf(meta);
  return typeof said['meta'] === 'string' ? recordOf(parsed(said['meta'])) : said;
}

/** `dataset_meta.classes` of 3.x, written in capitals for a while; `CLASSES` of 2.x and 1.x. */
function classesIn(said: Said): readonly string[] | undefined {
  const data = recordOf(said['dataset_meta']);
  const names = data['classes'] ?? data['CLASSES'] ?? said['CLASSES'];
  return Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string')
    ? names
    : undefined;
}

/** A metadata entry that is no JSON is none of ours. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
