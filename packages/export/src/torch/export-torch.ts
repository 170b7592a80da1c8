import type { Detector, HostTensor } from '@kd/core';
import { mmdetModel } from './mmdet.js';
import { assignment, python, tuple } from './python-text.js';
import { torchStateDict } from './state-dict.js';
import type { TorchFamily } from './torch-config.js';
import { torchModel } from './torch-model.js';
import { torchvisionModel } from './torchvision.js';

/** A detector for a program of torch. */
export interface TorchExport {
  /** Its state dict, in torch's layouts. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** Python that builds the program's own model, every argument given, and loads the file into it. */
  builder(file: string): string;
}

/**
 * A detector under the names of torchvision or mmdetection, and how its model is built there.
 * @throws KdError USAGE telling what has no counterpart there
 */
export async function exportTorch(detector: Detector, family: TorchFamily): Promise<TorchExport> {
  const model = await torchModel(detector);
  const { imports, lines } = (family === 'torchvision' ? torchvisionModel : mmdetModel)(model);
  const built = family === 'torchvision' ? 'model' : 'detector';
  const classes = detector.categories.map(({ name }) => name);
  return {
    tensors: torchStateDict(model, family),
    builder(file) {
      const safe = file.endsWith('.safetensors');
      const load = safe ? 'from safetensors.torch import load_file' : 'import torch';
      return `${[
        ...[...new Set([...imports, load])].sort(byModule),
        '',
        ...lines,
        '',
        `${built}.load_state_dict(${safe ? 'load_file' : 'torch.load'}(${python(file)}), strict=True)`,
        `${built}.eval()`,
        '',
        assignment('classes', tuple(classes)),
      ].join('\n')}\n`;
    },
  };
}

const byModule = (a: string, b: string): number => {
  const plain = (line: string): string => line.replace(/^(?:from|import) /, '').toLowerCase();
  return plain(a) < plain(b) ? -1 : 1;
};
