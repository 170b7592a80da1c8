/**
 * A value for a message, as JSON and not longer than `length`: whatever a file holds, deep nesting and long texts too.
 */
export function shown(value: unknown, length = 80): string {
  if (value === undefined) return 'nothing';
  // JSON has no NaN.
  if (typeof value === 'number') return String(value);
  let text: string;
  try {
    text = JSON.stringify(typeof value === 'string' ? value.slice(0, length + 1) : value) ?? String(value);
  } catch {
    return Array.isArray(value) ? 'a list nested too deep to show' : 'a value that cannot be shown';
  }
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
