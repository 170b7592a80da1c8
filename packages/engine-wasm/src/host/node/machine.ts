import { availableParallelism, cpus } from 'node:os';

/** Threads of a kernel where nobody says how many: TensorFlow takes 0 and less as that, too. */
export function usualThreads(): number {
  const named = Math.trunc(Number(process.env['TF_NUM_INTRAOP_THREADS']));
  return named > 0 ? named : availableParallelism();
}

export const processorName = (): string => cpus()[0]?.model ?? 'a processor';
