import type { EngineInfo } from '@kd/core';

/** 0.00123 as `0.0012`, 1234.5 as `1235`: four figures that line up well enough in a progress line. */
export function number(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return String(value);
  if (size === 0) return '0';
  if (size < 1e-4) return value.toExponential(1);
  if (size < 1) return value.toFixed(4);
  return size < 1000 ? value.toPrecision(4) : value.toFixed(0);
}

/** Seconds as `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** A count of parameters: `950`, `12.3 k`, `1.9 M`. */
export function count(value: number): string {
  if (value < 1000) return String(value);
  return value < 1e6 ? `${(value / 1e3).toFixed(1)} k` : `${(value / 1e6).toFixed(1)} M`;
}

export const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** A metric in [0, 1] as it stands in papers, in percent with one decimal; -1 (nothing to average) as a dash. */
export const averagePrecision = (value: number | undefined): string =>
  value === undefined || value < 0 ? '–' : (100 * value).toFixed(1);

/** The upper one of the two in the middle of an even number; undefined of none. */
export const median = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** What ran the tensors, and on what. */
export const engineText = ({ name, version, device, deviceName, software, threads }: EngineInfo): string =>
  deviceName === undefined
    ? `${name} ${version} on ${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
    : `${name} ${version} on ${deviceName}${software === true ? ', a program on the processor and slow' : ''}`;
