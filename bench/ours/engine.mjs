import { tensorflow } from '@kd/engine-tensorflow';
import { webgpu } from '@kd/engine-webgpu';

/** TensorFlow's, or KD_BENCH_ENGINE=webgpu, which has no graphs; KD_BENCH_XLA=1 has XLA compile those of TensorFlow. */
export function engineWith(threads) {
  if (process.env.KD_BENCH_ENGINE === 'webgpu') return webgpu();
  return tensorflow({ intraOpThreads: Number(threads), xla: process.env.KD_BENCH_XLA === '1' });
}

export const nameOf = ({ name, version, deviceName, device }) =>
  name === 'tensorflow' ? `TensorFlow ${version}, ${device}` : `${name} ${version}, ${deviceName}`;
