import { AffineNorm, type AffineNormArgs } from './affine-norm.js';

/** Batch norm of four constant vectors (torchvision's FrozenBatchNorm2d): nothing trains, nothing is updated. */
export class FrozenBatchNorm extends AffineNorm {
  static readonly className = 'FrozenBatchNorm';

  constructor(args: AffineNormArgs) {
    super(args, false);
  }

  override isAffine(): boolean {
    return true;
  }
}
