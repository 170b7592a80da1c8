const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/**
 * Text for XML and HTML, in elements and in quoted attributes: markup escaped, control characters (which XML forbids)
 * replaced.
 */
export const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]!).replace(/[\u0000-\u001f\u007f]/g, '\u00b7');
