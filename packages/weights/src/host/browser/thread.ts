/** None: a page has its files in memory. */
export const thread: string | undefined = undefined;
