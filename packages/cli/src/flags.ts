/** Options as they come from the command line. */
export type Flags = Readonly<Record<string, unknown>>;
