import { tensorflow } from '@kd/engine-tensorflow';
import { webgpu } from '@kd/engine-webgpu';

/**
 * TensorFlow's, or KD_BENCH_ENGINE=webgpu, which has no graphs; KD_BENCH_XLA=1 has XLA compile those of TensorFlow,
 * KD_BENCH_OWN_CONVOLUTIONS=false leaves its convolutions to oneDNN.
 */
export function engineWith(threads) {
  if (process.env.KD_BENCH_ENGINE === 'webgpu') return webgpu();
  const { KD_BENCH_XLA: xla, KD_BENCH_OWN_CONVOLUTIONS: own } = process.env;
  return tensorflow({ intraOpThreads: Number(threads), xla: xla === '1', ownConvolutions: own !== 'false' });
}

export const nameOf = ({ name, version, deviceName, device }) =>
  name === 'tensorflow' ? `TensorFlow ${version}, ${device}` : `${name} ${version}, ${deviceName}`;
