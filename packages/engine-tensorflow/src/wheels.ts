import type { Env, Wheel } from '@kd/core/wheels';
import { existsSync } from 'node:fs';

const tags = (...platforms: string[]): readonly string[] =>
  // Only the C library is used, never Python's part: one Python version fits every machine.
  ['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311', '--abi', 'none'].concat(
    platforms.flatMap((platform) => ['--platform', platform]),
  );

interface CpuWheel {
  /** What pip is told of Python and platform. */
  readonly tags: readonly string[];
  readonly wheel: Wheel;
}

/** By Node's platform and processor: where a library can be set up. All but the first have not been run. */
export const CPU_WHEELS: Readonly<Record<string, CpuWheel>> = {
  'linux-x64': {
    tags: tags('manylinux_2_17_x86_64', 'manylinux2014_x86_64'),
    wheel: {
      requirement: 'tensorflow-cpu==2.19.1',
      sha256: '0b6d72bd09c267e7573757bd309f5b1e2cdb02577339991da751f3a1411e4dae',
      bytes: 251_795_484,
    },
  },
  'linux-arm64': {
    tags: tags('manylinux_2_17_aarch64', 'manylinux2014_aarch64'),
    wheel: {
      requirement: 'tensorflow==2.19.1',
      sha256: '22deedc251837f2382d2b287c705705cb089bfaf79b2274b78c08740e02bf188',
      bytes: 252_660_426,
    },
  },
  'darwin-arm64': {
    tags: tags('macosx_12_0_arm64'),
    wheel: {
      requirement: 'tensorflow==2.19.1',
      sha256: '8a274a1336051bef0e7e042fa5818a9d342e300d9c311c5d7933eb60e2269770',
      bytes: 252_591_021,
    },
  },
};

/** Names of these platforms, for people. */
export const PLATFORMS = 'Linux on x86-64 and arm64 and on macOS on arm64';

// What TensorFlow 2.19.1 asks for as `and-cuda`; the wheel finds these beside itself, in `nvidia/*/lib`.
export const CUDA_WHEELS: readonly Wheel[] = [
  {
    requirement: 'tensorflow==2.19.1',
    sha256: '8e5524eb492160576e5eeea9bb472ddc653123503f2290f83123d5ac9545750e',
    bytes: 644_896_980,
  },
  {
    requirement: 'nvidia-cublas-cu12==12.5.3.2',
    sha256: 'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b',
    bytes: 363_313_169,
  },
  {
    requirement: 'nvidia-cuda-cupti-cu12==12.5.82',
    sha256: 'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953',
    bytes: 13_811_507,
  },
  {
    requirement: 'nvidia-cuda-nvcc-cu12==12.5.82',
    sha256: 'b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0',
    bytes: 22_468_537,
  },
  {
    requirement: 'nvidia-cuda-nvrtc-cu12==12.5.82',
    sha256: '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd',
    bytes: 24_873_108,
  },
  {
    requirement: 'nvidia-cuda-runtime-cu12==12.5.82',
    sha256: '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115',
    bytes: 895_707,
  },
  {
    requirement: 'nvidia-cudnn-cu12==9.3.0.75',
    sha256: '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d',
    bytes: 577_163_502,
  },
  {
    requirement: 'nvidia-cufft-cu12==11.2.3.61',
    sha256: '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8',
    bytes: 192_524_114,
  },
  {
    requirement: 'nvidia-curand-cu12==10.3.6.82',
    sha256: '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536',
    bytes: 56_309_107,
  },
  {
    requirement: 'nvidia-cusolver-cu12==11.6.3.83',
    sha256: '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b',
    bytes: 130_341_232,
  },
  {
    requirement: 'nvidia-cusparse-cu12==12.5.1.3',
    sha256: '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752',
    bytes: 217_558_979,
  },
  {
    requirement: 'nvidia-nccl-cu12==2.23.4',
    sha256: 'b097258d9aab2fa9f686e33c6fe40ae57b27df60cedbd15d139701bb5509e0c1',
    bytes: 198_954_603,
  },
  {
    requirement: 'nvidia-nvjitlink-cu12==12.5.82',
    sha256: 'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212',
    bytes: 21_298_879,
  },
];

/**
 * The wheels for a platform, none where there are none; on Linux x86-64 CUDA's where an NVIDIA driver is loaded, unless
 * `KD_TENSORFLOW_WHEEL=cpu|cuda` says which.
 */
export function wheelsFor(env: Env, platform: string, hasGpu: () => boolean = hasNvidiaDriver): readonly Wheel[] {
  const cpu = CPU_WHEELS[platform];
  if (cpu === undefined) return [];
  const cuda = env.KD_TENSORFLOW_WHEEL ? env.KD_TENSORFLOW_WHEEL === 'cuda' : hasGpu();
  return platform === 'linux-x64' && cuda ? CUDA_WHEELS : [cpu.wheel];
}

const hasNvidiaDriver = (): boolean => existsSync('/proc/driver/nvidia/version') || existsSync('/dev/nvidiactl');
