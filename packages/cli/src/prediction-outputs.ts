import { resolve } from 'node:path';
import { KdError } from '@kd/core';
import type { Flags } from './flags.js';
import { refuseExisting } from './output-file.js';

/** What `kd predict` writes, and where. */
export interface PredictionOutputs {
  /** Folder of the drawn images and of predictions.json; null where only other results are asked for. */
  readonly folder: string | null;
  /** `-` is standard output, null none. */
  readonly json: string | null;
  /** Whether a summary of the call is printed as JSON: `--json` without a file. */
  readonly summary: boolean;
  readonly coco: string | null;
}

/** @throws KdError USAGE for a file that is there already, or that is asked for twice */
export function predictionOutputs(flags: Flags): PredictionOutputs {
  const file = (name: string): string | null => {
    const given = flags[name];
    if (given === undefined || given === true) return null;
    if (given === '-' && name === 'json') return given;
    const path = resolve(String(given));
    refuseExisting(path, flags);
    return path;
  };
  const [json, coco] = [file('json'), file('coco')];
  if (json !== null && json === coco)
    throw new KdError('USAGE', `--json and --coco both name ${String(flags['coco'])}; give each a file of its own.`);
  if (flags['annotations'] !== undefined && coco === null)
    throw new KdError('USAGE', '--annotations gives results of COCO their ids: name the file for these with --coco.');
  const drawn = flags['out'] !== undefined || (json === null && coco === null);
  return {
    folder: drawn ? resolve(String(flags['out'] ?? 'predictions')) : null,
    json,
    summary: flags['json'] === true,
    coco,
  };
}
