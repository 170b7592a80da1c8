// Controls (C0 with line breaks and tabs, DEL, C1), line and paragraph separators, and signs that turn the direction of
// writing.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A line for a terminal or a log, in which every control character stands as its escape, as JSON has them: a name out
 * of a file cannot move the cursor, colour what follows, or begin a line of its own. Everything that is printed passes
 * through here.
 */
export const printable = (line: string): string =>
  line.replace(UNPRINTABLE, (sign) => SHORT[sign] ?? `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
