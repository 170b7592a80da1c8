/** The whole text as one finite decimal number, or null. */
export function decimal(text: string): number | null {
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : null;
}

/** A whole number of pixels above 0, or null. */
export function side(text: string): number | null {
  const value = decimal(text);
  return value !== null && Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** A sentence for the end of a message about a text that is no number; empty where it is not `0,5`. */
export const decimalComma = (text: string): string =>
  /^[+-]?\d+,\d+$/.test(text) ? `, but one with a decimal comma; write ${text.replace(',', '.')}` : '';
