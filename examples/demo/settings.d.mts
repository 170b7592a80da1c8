import type { Config } from '@kd/core';
import type { SyntheticOptions } from '@kd/data';
import type { RetinaNetInput } from '@kd/detector-retinanet';

type Pictures = SyntheticOptions & { readonly format: 'synthetic' };
type Named<Options> = [name: string, options: Options];

export declare const data: {
  readonly train: Pictures;
  readonly val: Pictures;
  readonly augment: { name: string }[];
  readonly workers: number;
};
export declare const teacher: Named<RetinaNetInput>;
export declare const student: Named<RetinaNetInput>;
export declare const distillers: Named<Record<string, unknown>>[];
export declare const methods: Readonly<Record<string, Pick<Config, 'distillers'>>>;
export declare const batchSize: number;
export declare const epochs: { readonly teacher: number; readonly student: number };
export declare const training: Required<Pick<Config, 'optimizer' | 'schedule' | 'clipNorm'>>;
