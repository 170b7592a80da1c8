import type { StoredSettings } from '@kd/core';
import type { WeightsFile } from '../weights-file.js';
import { mmdetSettings } from './mmdet-settings.js';

/** Names of mmdetection's detectors, whatever wraps them. */
const MMDETECTION = /(?:^|\.)(?:bbox_head|roi_head|neck\.lateral_convs)\./;

/**
 * What a file says of the pixels that its model reads and of its backbone: the config in the `meta` of mmdetection's
 * checkpoints, which `kd convert` keeps. Undefined for files of programs that have one way of doing it.
 */
export function storedSettings({ meta, tensors }: Pick<WeightsFile, 'meta' | 'tensors'>): StoredSettings | undefined {
  const text = configIn(meta);
  if (text === undefined && ![...tensors.keys()].some((name) => MMDETECTION.test(name))) return undefined;
  return mmdetSettings(text);
}

function configIn(meta: unknown): string | undefined {
  if (typeof meta !== 'object' || meta === null) return undefined;
  const { cfg, config, meta: kept } = meta as Readonly<Record<string, unknown>>;
  const found = [cfg, config].find((one) => typeof one === 'string');
  return found ?? (typeof kept === 'string' ? configIn(parsed(kept)) : undefined);
}

/** A metadata entry that is no JSON is none of ours. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
