/** Options as they come from the command line. */
export type Flags = Readonly<Record<string, unknown>>;

/** The text of an option, or the texts of one that is given several times. */
export const texts = (value: unknown): string | string[] => (Array.isArray(value) ? value.map(String) : String(value));
