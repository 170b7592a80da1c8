/** A literal of Python: numbers, text, True, False, None, and lists and tuples of them. */
export type Literal = null | boolean | number | string | readonly Literal[];

type Token = readonly [kind: 'name' | 'number' | 'text' | 'sign', value: string];

/** More than any config has. */
const MOST_TEXT = 4_000_000;
const DEEPEST = 200;

/** Space, comments and joined lines; numbers; names, which may begin a text; any other sign. */
const TOKEN =
  /(?:[ \t\r\n\f]|\\\r?\n|#[^\n]*)+|((?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|([^])/y;

/**
 * The literals of some keys of a config in Python, which is read as text: nothing in it is run. A key is the way to it
 * through calls, dicts and assignments: `model.backbone.style`. What stands at a key in another form is undefined; of a
 * key that is set twice the last counts, as in Python.
 * @throws Error with what is wrong where the text is none of a config
 */
export function pythonLiterals(text: string, keys: ReadonlySet<string>): ReadonlyMap<string, Literal | undefined> {
  if (text.length > MOST_TEXT) throw new Error(`it has ${text.length} characters`);
  const tokens = tokensOf(text);
  const found = new Map<string, Literal | undefined>();
  // A bracket that is open, and the key that it stands at; null for one whose place has no name.
  const open: { readonly close: string; readonly key: string | null; readonly dict: boolean }[] = [];
  let key: string | null = null;
  for (let i = 0; i < tokens.length; i++) {
    const [kind, value] = tokens[i]!;
    const inside = open.at(-1);
    const named = assignment(tokens, i, inside?.dict === true);
    if (named !== null) {
      const way = [...open.map((one) => one.key), named];
      key = named;
      if (way.includes(null) || !keys.has(way.join('.'))) continue;
      const literal = literalAt(tokens, i + 2);
      const end = literal === null ? undefined : tokens[literal.next];
      const whole = end === undefined || (end[0] === 'sign' && ',)]}\n;'.includes(end[1]));
      found.set(way.join('.'), literal !== null && whole ? literal.value : undefined);
    } else if (kind === 'sign' && '([{'.includes(value)) {
      if (open.length >= DEEPEST) throw new Error(`it has more than ${DEEPEST} brackets in each other`);
      open.push({ close: { '(': ')', '[': ']', '{': '}' }[value]!, key, dict: value === '{' });
      key = null;
    } else if (kind === 'sign' && ')]}'.includes(value)) {
      if (inside?.close !== value) throw new Error(`a "${value}" closes nothing`);
      open.pop();
      key = null;
    } else if (kind === 'sign' && ',\n;'.includes(value)) {
      key = null;
    }
  }
  if (open.length > 0) throw new Error(`${open.length} brackets stay open`);
  return found;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const [, number, name, sign] = match;
    if (sign === '"' || sign === "'") {
      const { value, end } = textAt(text, match.index);
      TOKEN.lastIndex = end;
      // Bytes and formatted texts are no literals here; of a raw one the letter is left out.
      const prefix = /\w/.test(text[match.index - 1] ?? '') ? tokens.pop()![1] : '';
      tokens.push(/^[ru]?$/i.test(prefix) ? ['text', value] : ['sign', '?']);
    } else if (number !== undefined) tokens.push(['number', number]);
    else if (name !== undefined) tokens.push(['name', name]);
    else if (sign !== undefined) {
      depth += '([{'.includes(sign) ? 1 : ')]}'.includes(sign) ? -1 : 0;
      tokens.push(['sign', sign]);
      // The end of a line ends a statement where no bracket is open.
    } else if (depth === 0 && match[0].includes('\n')) tokens.push(['sign', '\n']);
  }
  return tokens;
}

/** The text that begins with the quote at `from`, as it stands: what is escaped in it stays so. */
function textAt(text: string, from: number): { readonly value: string; readonly end: number } {
  const quote = text[from]!;
  const mark = text.startsWith(quote.repeat(3), from) ? quote.repeat(3) : quote;
  for (let at = from + mark.length; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text.startsWith(mark, at)) return { value: text.slice(from + mark.length, at), end: at + mark.length };
    else if (text[at] === '\n' && mark.length === 1) break;
  }
  throw new Error(`a text that begins with ${mark} does not end`);
}

/** The name that is given a value here: `style=` of a call or a line, `'style':` of a dict. */
function assignment(tokens: readonly Token[], i: number, dict: boolean): string | null {
  const [kind, value] = tokens[i]!;
  const [next, after] = [tokens[i + 1]?.[1], tokens[i + 2]?.[1]];
  const before = tokens[i - 1];
  if (dict) return kind === 'text' && next === ':' ? value : null;
  // `a == b`, `a <= b` and `a.b = c` give nothing a value that is meant here.
  return kind === 'name' && next === '=' && after !== '=' && before?.[1] !== '.' ? value : null;
}

/** The literal that begins at a token, or null where another expression does. */
function literalAt(
  tokens: readonly Token[],
  at: number,
  depth = 0,
): { readonly value: Literal; readonly next: number } | null {
  const token = tokens[at];
  if (token === undefined || depth > DEEPEST) return null;
  const [kind, value] = token;
  if (kind === 'text') return { value, next: at + 1 };
  if (kind === 'number') return { value: Number(value.replaceAll('_', '')), next: at + 1 };
  if (kind === 'name') return value in WORDS ? { value: WORDS[value as keyof typeof WORDS], next: at + 1 } : null;
  if (value === '-') {
    const number = tokens[at + 1]?.[0] === 'number' ? literalAt(tokens, at + 1) : null;
    return number === null ? null : { value: -(number.value as number), next: number.next };
  }
  if (value !== '[' && value !== '(') return null;
  const items: Literal[] = [];
  const close = value === '[' ? ']' : ')';
  for (let next = at + 1; ; ) {
    if (tokens[next]?.[1] === close && tokens[next]![0] === 'sign') return { value: items, next: next + 1 };
    const item = literalAt(tokens, next, depth + 1);
    if (item === null) return null;
    items.push(item.value);
    next = item.next;
    if (tokens[next]?.[1] === ',') next++;
    else if (tokens[next]?.[1] !== close) return null;
  }
}

const WORDS = { __proto__: null, True: true, False: false, None: null } as const;
