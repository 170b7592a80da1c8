import { join, resolve } from 'node:path';
import { isFolder, KdError, messageOf } from '@kd/core';
import { openGraph } from './graph-network.js';
import { openLayers } from './layers-network.js';
import type { Network } from './network.js';
import { readModel } from './read-model.js';

export interface OpenedNetwork {
  readonly file: string;
  readonly kind: 'graph' | 'layers';
  readonly network: Network;
  readonly fingerprint: string;
  readonly parameters: number;
}

/** A model from its folder, or the JSON in it. @throws KdError TEACHER_INVALID */
export async function openNetwork(model: string, folder = '.'): Promise<OpenedNetwork> {
  const path = resolve(folder, model);
  const file = (await isFolder(path)) ? join(path, 'model.json') : path;
  const { artifacts, fingerprint, kind, parameters } = await readModel(file);
  const network = await inStep(file, BUILD, () => (kind === 'graph' ? openGraph(artifacts) : openLayers(artifacts)));
  return { file, kind, network, fingerprint, parameters };
}

interface Step {
  readonly fails: string;
  readonly todo: string;
}
const BUILD: Step = {
  fails: 'TensorFlow.js cannot build this model',
  todo: 'Convert it again with tensorflowjs_converter.',
};
export const RUN: Step = {
  fails: 'the model cannot be run',
  todo: 'Look at input, which says what it is given, and name taps that lie before what fails.',
};

export async function inStep<T>(file: string, { fails, todo }: Step, take: () => Promise<T>): Promise<T> {
  try {
    return await take();
  } catch (cause) {
    throw new KdError('TEACHER_INVALID', `${file}: ${fails}: ${messageOf(cause)}. ${todo}`.split('\n'), { cause });
  }
}
