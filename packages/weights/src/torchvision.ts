import type { HostTensor, NamedTensors } from '@kd/core';
import { exportStateDict } from './export-weights.js';
import { importStateDict } from './import-weights.js';

/**
 * A state dict of torchvision or timm by our names and layouts; see {@link importStateDict}, which says more of it.
 * @throws KdError CHECKPOINT_INVALID when two keys become one name
 */
export const fromTorchvision = (stateDict: NamedTensors): NamedTensors => importStateDict(stateDict).tensors;

/**
 * The inverse of {@link fromTorchvision}: a state dict under torchvision's current names. It has no
 * `num_batches_tracked`; torch's `load_state_dict` fills those in.
 */
export const toTorchvision = (tensors: NamedTensors): Map<string, HostTensor> =>
  exportStateDict(tensors, 'torchvision');

/**
 * Our variables under the names of mmdetection 3.x.
 * @param model the whole model, where `tensors` are a part of it or its gradients
 * @throws KdError USAGE for a model that mmdetection's maps lack
 */
export const toMmdet = (tensors: NamedTensors, model?: NamedTensors): Map<string, HostTensor> =>
  exportStateDict(tensors, 'mmdet', model);
