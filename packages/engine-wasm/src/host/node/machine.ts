import { availableParallelism, cpus } from 'node:os';

/** Threads of a kernel where nobody says how many. */
export const usualThreads = (): number => Number(process.env['TF_NUM_INTRAOP_THREADS']) || availableParallelism();

export const processorName = (): string => cpus()[0]?.model ?? 'a processor';
