import { NAMES, NUMBERS, VALUES } from './odd.mjs';

/** Deep enough for every recursion to end its stack. */
const DEEP = 200_000;

const BYTES = {
  'flip a bit': (bytes, { below }) => {
    bytes[below(bytes.length)] ^= 1 << below(8);
    return bytes;
  },
  'flip bytes': (bytes, { below }) => {
    for (let n = 1 + below(16); n > 0; n--) bytes[below(bytes.length)] = below(256);
    return bytes;
  },
  'cut off': (bytes, { below }) => bytes.subarray(0, below(bytes.length)),
  'lose a piece': (bytes, { below }) => {
    const [from, length] = [below(bytes.length), 1 + below(64)];
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
  },
  'double a piece': (bytes, { below }) => {
    const [from, length] = [below(bytes.length), 1 + below(256)];
    return Buffer.concat([bytes.subarray(0, from + length), bytes.subarray(from)]);
  },
  'zeros to the end': (bytes, { below }) => {
    bytes.fill(0, below(bytes.length));
    return bytes;
  },
  'a header of huge numbers': (bytes, { below }) => {
    bytes.fill(0xff, below(16), Math.min(16 + below(16), bytes.length));
    return bytes;
  },
  'bytes behind the end': (bytes, { below }) => Buffer.concat([bytes, Buffer.alloc(1 + below(5000), below(256))]),
  empty: () => Buffer.alloc(0),
  'another file': (_, { pick }) =>
    Buffer.from(
      pick(['PK\u0003\u0004zip', '\u0089HDF\r\n\u001a\n', 'GIF89a', '%PDF-1.4', 'version https://git-lfs', '<html>']),
    ),
};

/** A token of the text, as `pattern` finds them, is replaced by another. */
const replaceOne = (text, pattern, other, { below }) => {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return `${text} `;
  const one = found[below(found.length)];
  return text.slice(0, one.index) + other(one[0]) + text.slice(one.index + one[0].length);
};

const TEXT = {
  'another number': (text, random) =>
    replaceOne(text, /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g, () => random.pick(NUMBERS), random),
  'control characters': (text, { below, pick }) => {
    const at = below(text.length + 1);
    return text.slice(0, at) + pick(['\u0000', '\u001b[2J', '\r', '\u0007', '\u2028', '\ufeff']) + text.slice(at);
  },
  'another encoding': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  'a mark in front': (text) => `\ufeff${text}`,
  'lines of Windows': (text) => text.replaceAll('\n', '\r\n'),
  'a huge name': (text, random) => replaceOne(text, /[A-Za-z_]\w+/g, () => 'y'.repeat(2_000_000), random),
};

const QUOTED = /"(?:[^"\\]|\\.)*"/g;
const JSONS = {
  'another value': (text, random) =>
    replaceOne(
      text,
      /(?<=[:[,]\s*)(?:"(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|true|false|null)(?=\s*[,}\]])/g,
      () => random.pick(VALUES),
      random,
    ),
  'a whole part replaced': (text, random) =>
    replaceOne(text, /\[[^[\]]*\]|\{[^{}]*\}/g, () => random.pick(VALUES), random),
  'a whole part doubled': (text, random) => replaceOne(text, /\{[^{}]*\}/g, (part) => `${part},${part}`, random),
  'another name': (text, random) => replaceOne(text, QUOTED, () => JSON.stringify(random.pick(NAMES)), random),
  'a key lost': (text, random) =>
    replaceOne(text, /"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)\s*,/g, () => '', random),
  'deep lists': (text, random) =>
    replaceOne(
      text,
      /(?<=[:[,]\s*)(?:"(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|\[[^[\]]*\])/g,
      () => '['.repeat(DEEP) + ']'.repeat(DEEP),
      random,
    ),
  'deep objects': (text, random) =>
    replaceOne(
      text,
      /(?<=[:[,]\s*)(?:"(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|\{[^{}]*\})/g,
      () => '{"a":'.repeat(DEEP) + '1' + '}'.repeat(DEEP),
      random,
    ),
  'one value for all': (_, random) => random.pick(VALUES),
};

const XML = {
  'a tag lost': (text, random) => replaceOne(text, /<\/?\w+>/g, () => '', random),
  'another tag': (text, random) =>
    replaceOne(
      text,
      /(?<=<\/?)\w+(?=>)/g,
      () => random.pick(['object', 'bndbox', 'a:b', '__proto__', '1x', 'size']),
      random,
    ),
  'another content': (text, random) =>
    replaceOne(text, /(?<=>)[^<\n]+(?=<)/g, () => random.pick([...NAMES, ...NUMBERS]), random),
  'a part doubled': (text, random) => replaceOne(text, /<(\w+)>[^<]*<\/\1>/g, (part) => part + part, random),
  'deep tags': (text, random) =>
    replaceOne(text, /(?<=>)[^<\n]+(?=<)/g, () => '<a>'.repeat(DEEP) + '</a>'.repeat(DEEP), random),
  'entities of entities': (text) =>
    `<!DOCTYPE a [<!ENTITY b "${'&c;'.repeat(50)}"><!ENTITY c "${'&d;'.repeat(50)}"><!ENTITY d "${'e'.repeat(1000)}">]>${text.replace(/(?<=<name>)[^<]*/, '&b;')}`,
  'a file as an entity': (text) =>
    `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>${text.replace(/(?<=<name>)[^<]*/, '&b;')}`,
};

const LISTS = {
  'another line': (text, random) =>
    replaceOne(
      text,
      /^.*$/gm,
      () => random.pick([...NAMES, ...NUMBERS, 'a  1', 'a.png', './a', '0 .5 .5 .5 .5 .9', '3 50 50 9 9']),
      random,
    ),
  'a line doubled': (text, random) => replaceOne(text, /^.+$/gm, (line) => `${line}\n${line}`, random),
};

const YAML = {
  'a line doubled': (text, random) => replaceOne(text, /^.+$/gm, (line) => `${line}\n${line}`, random),
  'a tab': (text, random) => replaceOne(text, / +/g, () => '\t', random),
  'another value': (text, random) =>
    replaceOne(
      text,
      /(?<=: ).+$/gm,
      () => random.pick([...VALUES, ...NAMES, ...NUMBERS, '../x', '/etc', '*a', '&a b']),
      random,
    ),
  'a tag': (text, random) => replaceOne(text, /(?<=: ).+$/gm, (value) => `!!python/object:os.system ${value}`, random),
  'aliases of aliases': (text) =>
    `a: &a [${'x,'.repeat(20)}]\n${['b', 'c', 'd', 'e'].map((key, i) => `${key}: &${key} [${`*${'abcd'[i]},`.repeat(20)}]\n`).join('')}${text}`,
  'an alias of itself': (text, random) => replaceOne(text, /(?<=: ).+$/gm, () => '&a [*a]', random),
  'deep lists': (text, random) => replaceOne(text, /(?<=: ).+$/gm, () => '['.repeat(DEEP), random),
  'deep dashes': (text, random) => replaceOne(text, /(?<=: ).+$/gm, () => `\n${'- '.repeat(DEEP)}x`, random),
};

const CSV = {
  'another field': (text, random) =>
    replaceOne(text, /[^,\n]+/g, () => random.pick([...NAMES, ...NUMBERS, '', '"1,5"', '../a.png', 'b.jpg']), random),
  'a quote': (text, random) => replaceOne(text, /[,\w]/g, (sign) => `${sign}"`, random),
  'a field lost': (text, random) => replaceOne(text, /,[^,\n]*/g, () => '', random),
  'a row doubled': (text, random) => replaceOne(text, /^.+$/gm, (row) => `${row}\n${row}`, random),
  semicolons: (text) => text.replaceAll(',', ';'),
};

const OF_KIND = {
  bytes: BYTES,
  json: { ...TEXT, ...JSONS },
  xml: { ...TEXT, ...XML },
  list: { ...TEXT, ...LISTS },
  yaml: { ...TEXT, ...YAML },
  csv: { ...TEXT, ...CSV },
};

/** The kind of a file by its name. */
const kindOf = (name) =>
  /\.jsonl?$/.test(name) ? 'json' : (Object.entries(ENDINGS).find(([ending]) => name.endsWith(ending))?.[1] ?? 'bytes');

const ENDINGS = { '.xml': 'xml', '.txt': 'list', '.yaml': 'yaml', '.csv': 'csv' };

/**
 * Changes a file. A safetensors file is changed as bytes, or in its JSON header, whose length is then written anew, so
 * that what comes behind the header is reached.
 * @returns the bytes, and in words what was done
 */
export function mutate(name, bytes, random) {
  const safetensors = name.endsWith('.safetensors');
  const kind = safetensors
    ? random.below(2) === 0
      ? 'header'
      : 'bytes'
    : random.below(4) === 0
      ? 'bytes'
      : kindOf(name);
  if (kind === 'header') {
    const length = Number(bytes.readBigUInt64LE(0));
    const [how, change] = random.pick(Object.entries(OF_KIND.json));
    const header = Buffer.from(change(bytes.toString('utf8', 8, 8 + length), random));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    return { bytes: Buffer.concat([size, header, bytes.subarray(8 + length)]), how: `${how}, in the header` };
  }
  const [how, change] = random.pick(Object.entries(OF_KIND[kind]));
  const changed = kind === 'bytes' ? change(Buffer.from(bytes), random) : change(bytes.toString('utf8'), random);
  return { bytes: Buffer.from(changed), how };
}
