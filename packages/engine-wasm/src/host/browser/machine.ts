const { navigator } = globalThis as unknown as { readonly navigator: { readonly hardwareConcurrency: number } };

/** Threads of a kernel where nobody says how many. */
export const usualThreads = (): number => navigator.hardwareConcurrency;

/** A browser tells a page no more. */
export const processorName = (): string => 'a processor';
