import type { HostTensor } from '@kd/core';
import { exportStateDict } from '@kd/weights';
import type { TorchFamily } from './torch-config.js';
import type { TorchModel } from './torch-model.js';

/** Every parameter and buffer that the program's own model has, under its names: `strict=True` takes it. */
export function torchStateDict({ detector, weights }: TorchModel, family: TorchFamily): Map<string, HostTensor> {
  const named = exportStateDict(weights, family);
  // torchvision's frozen norms are of a class of their own, without a counter.
  const frozen = family === 'torchvision' && (detector.config as { readonly norm?: string }).norm === 'frozen';
  const result = new Map<string, HostTensor>();
  for (const [name, tensor] of named) {
    result.set(name, tensor);
    if (frozen || !name.endsWith('.running_var')) continue;
    result.set(name.replace(/running_var$/, 'num_batches_tracked'), counter());
  }
  const { regMax } = detector.config as { readonly regMax?: number };
  if (family === 'mmdet' && detector.name === 'gfl' && regMax !== undefined)
    result.set('bbox_head.integral.project', {
      dtype: 'F32',
      shape: [regMax + 1],
      data: Float32Array.from({ length: regMax + 1 }, (_, i) => i),
    });
  return result;
}

/** How often a batch norm saw a batch: nobody counts here, and nothing reads it while a momentum is given. */
const counter = (): HostTensor => ({ dtype: 'I64', shape: [], data: new BigInt64Array(1) });
