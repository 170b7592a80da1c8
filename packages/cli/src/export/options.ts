import { KdError } from '@kd/core';
import type { Flags } from '../flags.js';
import type { FormatOptions } from './format.js';

/** What the options of `kd export` ask for. @throws KdError USAGE */
export function exportOptions(flags: Flags): Omit<FormatOptions, 'out'> {
  const { fp16, int8, raw, detections, size, batch } = flags;
  if (raw === true && detections === true)
    throw new KdError('USAGE', '--raw ends at the maps of the head, --detections at boxes: give one of them.');
  if (fp16 === true && int8 !== undefined)
    throw new KdError('USAGE', '--fp16 and --int8 both say how weights are stored: give one of them.');
  if (int8 !== undefined && int8 !== 'weights')
    throw new KdError('USAGE', `--int8 ${String(int8)}: what is made of 8 bits are weights; say --int8 weights.`);
  return {
    weights: fp16 === true ? 'float16' : int8 === undefined ? 'float32' : 'int8',
    ...(raw === true && { outputs: 'maps' }),
    ...(detections === true && { outputs: 'detections' }),
    ...(size !== undefined && { size: sizeOf(String(size)) }),
    ...(batch !== undefined && { batch: batchOf(batch) }),
    ...inputOf(flags['input']),
  };
}

function sizeOf(text: string): readonly [number, number] | 'dynamic' {
  if (text === 'dynamic') return text;
  const [, height, width] = /^(\d+)\s*[x×X]\s*(\d+)$/.exec(text) ?? [];
  if (height !== undefined) return [Number(height), Number(width)];
  throw new KdError('USAGE', `--size ${text}: give height and width in pixels, such as 320x448, or "dynamic".`);
}

function batchOf(value: unknown): number | 'dynamic' {
  if (value === 'dynamic' || (typeof value === 'number' && Number.isInteger(value) && value >= 1)) return value;
  throw new KdError('USAGE', `--batch ${String(value)}: give how many images come at once, or "dynamic".`);
}

/** `--input nchw`, `--input uint8`, both as `nchw,uint8` or one after the other. */
function inputOf(value: unknown): Pick<FormatOptions, 'layout' | 'dtype'> {
  if (value === undefined) return {};
  const words = [value].flat().flatMap((text) => String(text).split(','));
  const asked: { layout?: 'nhwc' | 'nchw'; dtype?: 'float32' | 'uint8' } = {};
  for (const word of words) {
    const [key, known] =
      word === 'nhwc' || word === 'nchw'
        ? (['layout', word] as const)
        : word === 'float32' || word === 'uint8'
          ? (['dtype', word] as const)
          : [];
    if (key === undefined)
      throw new KdError('USAGE', `--input ${word}: it may be nhwc or nchw, float32 or uint8, or one of each.`);
    if (asked[key] !== undefined && asked[key] !== known)
      throw new KdError('USAGE', `--input says both ${asked[key]} and ${word}: give one of them.`);
    Object.assign(asked, { [key]: known });
  }
  return asked;
}
