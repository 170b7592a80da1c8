import type { AdapterOptions } from '@kd/core';
import * as v from 'valibot';

/** What brings the student's channels to the teacher's, by the names that options use. */
const ADAPTERS = {
  none: null,
  conv1x1: {},
  'conv1x1-nobias': { bias: false },
  'conv1x1-bn-relu': { bias: false, norm: true, relu: true },
  conv3x3: { size: 3 },
  'conv3x3-relu': { size: 3, relu: true },
} as const satisfies Record<string, AdapterOptions | null>;

export type AdapterName = keyof typeof ADAPTERS;

export const adapterName = v.picklist(Object.keys(ADAPTERS) as AdapterName[]);

export const adapterOptions = (name: AdapterName): AdapterOptions | null => ADAPTERS[name];
