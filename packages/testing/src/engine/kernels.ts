/**
 * Kernels of TensorFlow.js that steps of our detectors and plugins ask an engine for, gradients included, as
 * {@link recordKernels} finds them; tests/e2e/kernels.test.ts keeps the list complete.
 */
export const STEP_KERNELS: readonly string[] = (
  'Abs Add AddN All Any ArgMax BatchMatMul Cast Ceil ClipByValue Concat Conv2D Conv2DBackpropFilter ' +
  'Conv2DBackpropInput Cos Cumsum DepthwiseConv2dNative Equal Exp ExpandDims Fill Floor FloorDiv GatherV2 Greater ' +
  'GreaterEqual Identity IsFinite Less LessEqual Log LogicalAnd LogicalNot LogicalOr Max MaxPool MaxPoolGrad ' +
  'Maximum Mean Min Minimum Multiply Neg NonMaxSuppressionV4 OneHot OnesLike Pack PadV2 Pow Prod Range RealDiv Reciprocal Relu ' +
  'Reshape Reverse Rsqrt ScatterNd Select Sigmoid Sign Sin Slice Softmax Softplus SplitV Sqrt Square SquaredDifference ' +
  'Step Sub Sum Tile TopK Transpose Unpack UnsortedSegmentSum ZerosLike'
).split(' ');
