import type { OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { runOp } from '../run-op.js';
import { correctKernel } from './correct-kernel.js';

/** Kernels of the package that throw or cost more than they should. */
export function correctKernels(): void {
  // These two call chained methods (`x.sub`, `x.toFloat`), which exist only where the union package registered them.
  correctKernel('Prelu', ({ x, alpha }) => tf.tidy(() => tf.add(tf.relu(x!), tf.mul(alpha!, tf.minimum(x!, 0)))));
  correctKernel('Exp', ({ x }) =>
    tf.tidy(
      () =>
        runOp(
          'Exp',
          [{ name: 'T', type: 'type', value: 'float32' }],
          [x!.dtype === 'float32' ? x! : tf.cast(x!, 'float32')],
          1,
        )[0]!,
    ),
  );

  // The package copies the indices to the host and walks them to check their range, and so refuses negative axes.
  // TensorFlow
  // checks the range itself on the CPU (on a GPU an index outside gives zeros).
  correctKernel<{ axis: number; batchDims: number }>('GatherV2', ({ x, indices }, { axis, batchDims }) => {
    const at = tf.scalar(axis, 'int32');
    const [result] = runOp(
      'GatherV2',
      [
        { name: 'batch_dims', type: 'int', value: batchDims },
        { name: 'Tparams', type: 'type', value: x!.dtype },
        { name: 'Tindices', type: 'type', value: 'int32' },
        { name: 'Taxis', type: 'type', value: 'int32' },
      ],
      [x!, indices!, at],
      1,
    ) as [tf.Tensor];
    at.dispose();
    return result;
  });

  // The package leaves out half_pixel_centers, which gives a wrong gradient without a word.
  for (const name of ['ResizeNearestNeighborGrad', 'ResizeBilinearGrad']) {
    correctKernel<{ alignCorners: boolean; halfPixelCenters: boolean }>(
      name,
      ({ images, dy }, { alignCorners, halfPixelCenters }) => {
        const flags: OpAttribute[] = [
          { name: 'T', type: 'type', value: 'float32' },
          { name: 'align_corners', type: 'bool', value: alignCorners },
          { name: 'half_pixel_centers', type: 'bool', value: halfPixelCenters },
        ];
        if (name === 'ResizeBilinearGrad') return runOp(name, flags, [dy!, images!], 1)[0]!;
        const size = tf.tensor1d(images!.shape.slice(1, 3), 'int32');
        const [result] = runOp(name, flags, [dy!, size], 1) as [tf.Tensor];
        size.dispose();
        return result;
      },
    );
  }
}
