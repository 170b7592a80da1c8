import { availableParallelism, cpus } from 'node:os';

/**
 * Threads of a kernel where nobody says how many (TensorFlow takes 0 and less as that, too): half of the processors.
 * The thread that asks waits for all of them, and where others need a processor one that has none holds up the rest.
 */
export function usualThreads(): number {
  const named = Math.trunc(Number(process.env['TF_NUM_INTRAOP_THREADS']));
  return named > 0 ? named : Math.max(1, availableParallelism() >> 1);
}

export const processorName = (): string => cpus()[0]?.model ?? 'a processor';
