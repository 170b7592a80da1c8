/** The module that reads files in a thread: the built one, since threads cannot load TypeScript. */
export const thread: string | undefined = new URL('../../../dist/read-thread.js', import.meta.url).href;
