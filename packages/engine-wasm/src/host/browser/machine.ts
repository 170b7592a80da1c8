const { navigator } = globalThis as unknown as { readonly navigator: { readonly hardwareConcurrency: number } };

/** Threads of a kernel where nobody says how many: half of the processors. */
export const usualThreads = (): number => Math.max(1, navigator.hardwareConcurrency >> 1);

/** A browser tells a page no more. */
export const processorName = (): string => 'a processor';
