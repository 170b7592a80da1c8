import { KdError } from '@kd/core/plain';
import { XMLParser, XMLValidator } from 'fast-xml-parser';

/** An element with its direct text (entities and CDATA decoded) and its child elements in order. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

type Parsed = Readonly<Record<string, unknown>>;

// Entities stay undecoded in the parser: the five of XML and character references are decoded here, and there are no
// others.
const parser = new XMLParser({
  preserveOrder: true,
  processEntities: false,
  parseTagValue: false,
  trimValues: false,
  ignoreAttributes: true,
  cdataPropName: '#cdata',
  ignoreDeclaration: true,
  ignorePiTags: true,
});

/**
 * Reads an XML document strictly: unclosed or crossed tags, a second root, unknown entities and a document type that
 * declares
 * entities are refused. Nothing outside of the file is ever read.
 * @throws KdError DATA_INVALID naming file and line
 */
export function parseXml(source: Uint8Array, file: string): XmlElement {
  const text = withoutDoctype(decodeText(source, file), file);
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw invalid(file, valid.err.line, valid.err.msg);
  let nodes: readonly Parsed[];
  try {
    nodes = parser.parse(text) as readonly Parsed[];
  } catch (cause) {
    throw invalid(file, 1, cause instanceof Error ? cause.message : String(cause));
  }
  const [root, second] = nodes.filter((node) => elementName(node) !== null);
  if (root === undefined) throw invalid(file, 1, 'there is no element in it');
  if (second !== undefined) throw invalid(file, 1, `there is a second root, <${elementName(second)}>`);
  // Neither validator nor parser sees text behind a root that closes itself.
  if (!/>\s*$/.test(text.replace(/<!--[\s\S]*?-->|<\?[\s\S]*?\?>/g, '')))
    throw invalid(file, 1, 'there is text outside of the root');
  return element(root, file);
}

function element(node: Parsed, file: string): XmlElement {
  const name = elementName(node)!;
  const content = node[name] as readonly Parsed[];
  let text = '';
  const children: XmlElement[] = [];
  for (const child of content) {
    if (typeof child['#text'] === 'string') text += unescape(child['#text'], file);
    else if (Array.isArray(child['#cdata']))
      text += (child['#cdata'] as readonly Parsed[]).map((part) => String(part['#text'] ?? '')).join('');
    else if (elementName(child) !== null) children.push(element(child, file));
  }
  return { name, text, children };
}

const elementName = (node: Parsed): string | null =>
  Object.keys(node).find((key) => key !== ':@' && !key.startsWith('#')) ?? null;

const ESCAPES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' };

function unescape(text: string, file: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#([0-9]+)|([^;\s&<]*));?/gi,
    (whole: string, hex?: string, decimal?: string, name?: string) => {
      if (whole.endsWith(';')) {
        if (name !== undefined && Object.hasOwn(ESCAPES, name)) return ESCAPES[name]!;
        const code = hex !== undefined ? parseInt(hex, 16) : decimal !== undefined ? Number(decimal) : NaN;
        if (code > 0 && code <= 0x10ffff) return String.fromCodePoint(code);
      }
      throw invalid(file, null, `the entity ${whole} is not one of XML's own; write the text itself`);
    },
  );
}

/** Blanks a plain document type out; one that declares entities is refused before anything is parsed. */
function withoutDoctype(text: string, file: string): string {
  const prolog = /^(?:\s|<\?[\s\S]*?\?>|<!--[\s\S]*?-->)*/.exec(text)![0].length;
  let body = text;
  if (text.startsWith('<!DOCTYPE', prolog)) {
    const type = /^<!DOCTYPE(?:[^[\]<>"']|"[^"]*"|'[^']*')*(\[[^\]]*\]\s*)?>/.exec(text.slice(prolog));
    if (type === null || /<!ENTITY|%/.test(type[0]) || /<!ENTITY/.test(text)) {
      throw invalid(
        file,
        lineAt(text, prolog),
        'its document type declares entities, which are not read; remove the <!DOCTYPE ...>',
      );
    }
    body = text.slice(0, prolog) + type[0].replace(/[^\n]/g, ' ') + text.slice(prolog + type[0].length);
  }
  // What is left of "<!" is a comment or CDATA that ends, or a mistake that the validator would not see.
  for (const match of body.matchAll(/<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<!/g)) {
    if (match[0] === '<!')
      throw invalid(
        file,
        lineAt(body, match.index),
        'a comment, CDATA section or declaration is malformed or has no end',
      );
  }
  return body;
}

function decodeText(source: Uint8Array, file: string): string {
  const head = Buffer.from(source.subarray(0, 200)).toString('latin1');
  const utf16 = head.startsWith('\xff\xfe') ? 'utf-16le' : head.startsWith('\xfe\xff') ? 'utf-16be' : null;
  const label = utf16 ?? /^<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(label, { fatal: true }).decode(source);
  } catch (cause) {
    throw new KdError('DATA_INVALID', `${file}: its text is not valid ${label}; save it as UTF-8.`, { cause });
  }
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

const invalid = (file: string, line: number | null, why: string): KdError =>
  new KdError(
    'DATA_INVALID',
    `${file}${line === null ? '' : `, line ${line}`}: not well-formed XML: ${why.replace(/\.$/, '')}.`,
  );
