/** A Python wheel that carries libtensorflow, or a CUDA library that one needs; pinned by the hash that PyPI publishes. */
export interface Wheel {
  readonly requirement: string;
  readonly sha256: string;
  readonly bytes: number;
}

// Only the C library is used, never Python's part: one Python version and platform fits every machine.
export const WHEEL_TAGS = [
  '--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311', '--abi', 'none',
  '--platform', 'manylinux_2_17_x86_64', '--platform', 'manylinux2014_x86_64',
] as const;

export const CPU_WHEELS: readonly Wheel[] = [
  { requirement: 'tensorflow-cpu==2.19.1', sha256: '0b6d72bd09c267e7573757bd309f5b1e2cdb02577339991da751f3a1411e4dae', bytes: 251_795_484 },
];
