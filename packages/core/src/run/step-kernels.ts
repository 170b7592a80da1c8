import type { Engine } from '../contract/engine.js';
import { KdError } from '../errors.js';
import { checkMembers, MEMBERS } from '../members.js';

/**
 * Kernels of TensorFlow.js that steps of our detectors and plugins ask an engine for, gradients included, as
 * `recordKernels` of @kd/testing finds them; tests/e2e/kernels.test.ts keeps the list complete.
 */
export const STEP_KERNELS: readonly string[] = (
  'Abs Add AddN All Any ArgMax BatchMatMul Cast Ceil ClipByValue Concat Conv2D Conv2DBackpropFilter ' +
  'Conv2DBackpropInput Cos Cumsum DepthwiseConv2dNative Equal Exp ExpandDims Fill Floor FloorDiv GatherV2 Greater ' +
  'GreaterEqual Identity IsFinite Less LessEqual Log LogicalAnd LogicalNot LogicalOr Max MaxPool MaxPoolGrad ' +
  'Maximum Mean Min Minimum Multiply Neg NonMaxSuppressionV4 OneHot OnesLike Pack PadV2 Pow Prod Range RealDiv ' +
  'Reciprocal Relu Reshape Reverse Rsqrt ScatterNd Select Sigmoid Sign Sin Slice Softmax Softplus SplitV Sqrt ' +
  'Square SquaredDifference Step Sub Sum Tile TopK Transpose Unpack UnsortedSegmentSum ZerosLike'
).split(' ');

/**
 * Before anything is built: an engine without one of these would fail in the middle of a step, or of an evaluation
 * after hours.
 * @throws KdError ENGINE_UNAVAILABLE with the names of the kernels, PLUGIN_INVALID where the engine declares none
 */
export function checkKernels(engine: Engine): void {
  const capabilities = engine.capabilities();
  checkMembers(capabilities, MEMBERS.capabilities, `what capabilities of the engine "${engine.name}" returned`);
  const lacking = STEP_KERNELS.filter((name) => !capabilities.kernels.has(name));
  if (lacking.length > 0)
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `the engine "${engine.name}" lacks the kernel${lacking.length > 1 ? 's' : ''} ${lacking.join(', ')} of TensorFlow.js, which training asks for. Train on another engine, such as "tensorflow" or "wasm" (--engine); testEngine of @kd/testing tests one of your own.`,
    );
}
