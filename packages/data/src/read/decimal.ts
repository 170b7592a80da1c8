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

/**
 * A sentence for the end of a message about a text that is no number, where it is one as people write it: `0,5`,
 * `1.234,5`, `1,234.5`, `1'234`; else empty.
 */
export function decimalComma(text: string): string {
  const [, whole = '', sign, mark, fraction] =
    /^([+-]?\d{1,3}(?:([.,'’\s])\d{3})(?:\2\d{3})*)(?:([.,])(\d+))?$/.exec(text) ?? [];
  // One comma with three digits behind it is a decimal comma.
  if (sign !== undefined && mark !== sign && (mark !== undefined || sign !== ',' || whole.split(sign).length > 2)) {
    const number = whole.replace(/[^\d+-]/g, '') + (fraction === undefined ? '' : `.${fraction}`);
    return `, but one with ${mark === ',' ? 'a decimal comma and ' : ''}thousands signs; write ${number}`;
  }
  return /^[+-]?\d*,\d+$/.test(text) ? `, but one with a decimal comma; write ${text.replace(',', '.')}` : '';
}
