import { KdError, messageOf, shown } from '@kd/core/plain';
import {
  CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
} from 'yaml';
import { readDataText } from './text.js';

/** A node of a YAML file. Scalars are texts as they are written: `0.0` is not `0`, `no` is a word. */
export type YamlValue = { readonly line: number } & (
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly YamlValue[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [YamlValue & { kind: 'text' }, YamlValue])[] }
  | { readonly kind: 'nothing' }
);

/** Characters of a file; those that describe a data set have a few hundred lines. */
const LONGEST = 1_000_000;
const MOST_ALIASES = 100;
const DEEPEST = 100;

/**
 * Reads YAML that is one map. No tag is followed and nothing is made but texts, lists and maps.
 * @throws KdError DATA_INVALID naming file and line
 */
export async function readYamlMap(file: string): Promise<ReadonlyMap<string, YamlValue>> {
  const source = await readDataText(file);
  if (source.length > LONGEST)
    throw invalid(file, `has ${source.length} characters, more than any description of a data set has`);
  const root = parse(source, file);
  if (root.kind !== 'map')
    throw invalid(file, 'is no YAML map; one with "names" and "train" is wanted, as YOLO’s data.yaml');
  return new Map(root.entries.map(([key, value]) => [key.text, value]));
}

function parse(source: string, file: string): YamlValue {
  const lines = new LineCounter();
  const at = (offset: number): number => Math.max(lines.linePos(offset).line, 1);
  refuseDeep(source, file);
  try {
    // Keys are compared below: the parser compares each with all before it.
    const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    const wrong = document.errors[0] ?? document.warnings[0];
    refuseTabs(source, file);
    if (wrong !== undefined)
      throw invalid(`${file}, line ${at(wrong.pos[0])},`, `is not valid YAML: ${wrong.message.replace(/\.$/, '')}`);
    return plain(document, file, at);
  } catch (thrown) {
    if (thrown instanceof KdError) throw thrown;
    // The parser calls itself for what is nested.
    throw invalid(
      file,
      thrown instanceof RangeError ? 'is nested too deep' : `is not valid YAML: ${messageOf(thrown)}`,
    );
  }
}

/** Before it is parsed: the parser takes its time over what is nested deep, and may end the process. */
function refuseDeep(source: string, file: string): void {
  let open = 0;
  source.split(/\r\n|\r|\n/).forEach((text, i) => {
    for (const sign of text) {
      if (sign === '[' || sign === '{') open++;
      else if (sign === ']' || sign === '}') open = Math.max(open - 1, 0);
      if (open > DEEPEST) break;
    }
    const indent = /^ */.exec(text)![0].length;
    const dashes = text.match(/(?:^|\s)[-?](?=\s|$)/g)?.length ?? 0;
    if (open > DEEPEST || indent > 2 * DEEPEST || dashes > DEEPEST)
      throw invalid(`${file}, line ${i + 1},`, 'is nested too deep');
  });
}

/** YAML 1.1 and 1.2, and its readers, disagree about where a tab may stand. */
function refuseTabs(source: string, file: string): void {
  let line = 1;
  for (const token of new Lexer().lex(source)) {
    if (token.includes('\t') && CST.tokenType(token) !== 'comment' && /^\s+$/.test(token))
      throw invalid(`${file}, line ${line},`, 'has a tab between its words; write spaces');
    line += token.split('\n').length - 1;
  }
}

function plain(document: Document.Parsed, file: string, at: (offset: number) => number): YamlValue {
  let aliases = 0;
  const read = (node: Node | null, line: number): YamlValue => {
    const start = node?.range?.[0];
    const own = start === undefined ? line : at(start);
    if (isAlias(node)) {
      if (++aliases > MOST_ALIASES)
        throw invalid(
          `${file}, line ${own},`,
          `repeats its anchors more than ${MOST_ALIASES} times, as an alias bomb does; write the values out`,
        );
      return read(node.resolve(document) ?? null, own);
    }
    if (isSeq(node))
      return { line: own, kind: 'list', items: node.items.map((item) => read(item as Node | null, own)) };
    if (isMap(node)) {
      const keys = new Set<string>();
      return {
        line: own,
        kind: 'map',
        entries: node.items.map((pair) => {
          const key = read(pair.key as Node | null, own);
          if (key.kind !== 'text') throw invalid(`${file}, line ${key.line},`, 'has a key that is no text');
          if (key.text === '<<')
            throw invalid(
              `${file}, line ${key.line},`,
              'has a merge key (<<), which YAML 1.2 has no more; write its entries out',
            );
          if (keys.size === keys.add(key.text).size)
            throw invalid(`${file}, line ${key.line},`, `has the key ${shown(key.text)} twice; leave one of the two`);
          return [key, read(pair.value as Node | null, key.line)] as const;
        }),
      };
    }
    if (!isScalar(node) || node.value === null) return { line: own, kind: 'nothing' };
    return {
      line: own,
      kind: 'text',
      text: typeof node.value === 'string' ? node.value : (node.source ?? String(node.value)),
    };
  };
  return read(document.contents, 1);
}

const invalid = (file: string, why: string): KdError => new KdError('DATA_INVALID', `${file} ${why}.`);
