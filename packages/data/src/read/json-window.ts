import { readSync } from 'node:fs';
import { checkUtf8 } from './text.js';

const [TAB, LINE, RETURN, SPACE, QUOTE, BACKSLASH] = [0x09, 0x0a, 0x0d, 0x20, 0x22, 0x5c];
const COMMA = 0x2c;
const COLON = 0x3a;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** A part of a JSON file that moves over it: what it has passed is forgotten. Reads as it goes, without waiting. */
export class JsonWindow {
  readonly #fd: number;
  readonly #piece: number;
  /** What `#bytes` is the beginning of, filled again and again. */
  #room = Buffer.alloc(0);
  #bytes = this.#room;
  #at = 0;
  #colons = 0;
  /** Offset in the file of the first byte of the window. */
  #start = 0;

  /** @param piece bytes read at a time; more where a single value is larger */
  constructor(fd: number, piece: number) {
    this.#fd = fd;
    this.#piece = piece;
    const mark = Buffer.from('\ufeff');
    while (this.#bytes.length < mark.length && this.#more());
    if (this.#bytes.subarray(0, mark.length).equals(mark)) this.#at = mark.length;
  }

  /** Where the window stands, in bytes of the file. */
  get offset(): number {
    return this.#start + this.#at;
  }

  /** Of the last value: members of the object that it is, those with one key counted each. */
  get colons(): number {
    return this.#colons;
  }

  /** The next sign that is no white space, in front of which the window then stands; empty at the end of the file. */
  peek(): string {
    for (;;) {
      for (; this.#at < this.#bytes.length; this.#at++) {
        const byte = this.#bytes[this.#at]!;
        if (byte !== SPACE && byte !== LINE && byte !== RETURN && byte !== TAB) return String.fromCharCode(byte);
      }
      if (!this.#more()) return '';
    }
  }

  /** Goes over that sign if it comes next. */
  skip(sign: string): boolean {
    if (this.peek() !== sign) return false;
    this.#at++;
    return true;
  }

  /**
   * The text of the value that comes next: up to its last bracket or quote, or up to what may follow a plain one.
   * @throws Error for another encoding than UTF-8
   */
  value(): string {
    this.peek();
    let end = this.#endOfValue();
    while (end === null && this.#more()) end = this.#endOfValue();
    const from = this.#at;
    this.#at = end ?? this.#bytes.length;
    const value = this.#bytes.toString('utf8', from, this.#at);
    // What stands for bytes that are none of UTF-8; it may be meant, too.
    if (value.includes('\ufffd')) checkUtf8(this.#bytes.subarray(from, this.#at));
    return value;
  }

  /** Behind the value that starts here; null where the bytes end before it does. Its inside is not checked. */
  #endOfValue(): number | null {
    const bytes = this.#bytes;
    const first = bytes[this.#at];
    this.#colons = 0;
    if (first === QUOTE) return endOfString(bytes, this.#at);
    if (first !== OPEN_LIST && first !== OPEN_OBJECT) return endOfPlain(bytes, this.#at);
    let depth = 0;
    for (let at = this.#at; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        const end = endOfString(bytes, at);
        if (end === null) return null;
        at = end - 1;
      } else if (byte === COLON) {
        if (depth === 1) this.#colons++;
      } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
      else if ((byte === CLOSE_LIST || byte === CLOSE_OBJECT) && --depth === 0) return at + 1;
    }
    return null;
  }

  #more(): boolean {
    const rest = this.#bytes.length - this.#at;
    const wanted = rest + Math.max(this.#piece, rest);
    const room = this.#room.length < wanted ? Buffer.allocUnsafe(wanted) : this.#room;
    this.#bytes.copy(room, 0, this.#at);
    const read = readSync(this.#fd, room, rest, room.length - rest, null);
    this.#start += this.#at;
    this.#at = 0;
    this.#room = room;
    this.#bytes = room.subarray(0, rest + read);
    return read > 0;
  }
}

function endOfString(bytes: Buffer, start: number): number | null {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === QUOTE) return at + 1;
    if (bytes[at] === BACKSLASH) at++;
  }
  return null;
}

/** A number or a word; of a sign that can start no value, itself. */
function endOfPlain(bytes: Buffer, start: number): number | null {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if ([COMMA, COLON, CLOSE_LIST, CLOSE_OBJECT, SPACE, LINE, RETURN, TAB].includes(byte))
      return Math.max(at, start + 1);
  }
  return null;
}
