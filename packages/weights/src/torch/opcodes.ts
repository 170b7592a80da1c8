import { isCode } from './code.js';
import { construct } from './constructors.js';
import type { Machine } from './pickle-machine.js';
import { isGlobal, isRecord, kindOf, type PickleValue, type PyTuple } from './pickle-value.js';

type Opcode = (machine: Machine) => void;

/** Ends a pickle. */
export const STOP = 0x2e;

const tuple = (items: readonly PickleValue[]): PyTuple => ({ kind: 'tuple', items });
const constant =
  (value: PickleValue): Opcode =>
  (machine) =>
    machine.push(value);

const u8 = ({ input, fail }: Machine): number => input.take(1, fail)[0]!;
const u16 = ({ input, fail }: Machine): number => input.take(2, fail).readUInt16LE(0);
const u32 = ({ input, fail }: Machine): number => input.take(4, fail).readUInt32LE(0);
function u64({ input, fail }: Machine): number {
  const value = input.take(8, fail).readBigUInt64LE(0);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? fail(`it announces ${value} bytes: it is damaged`) : Number(value);
}

const text =
  (length: (machine: Machine) => number): Opcode =>
  (machine) =>
    machine.push(machine.input.take(length(machine), machine.fail).toString('utf8'));
const bytes =
  (length: (machine: Machine) => number): Opcode =>
  (machine) =>
    machine.push(new Uint8Array(machine.input.take(length(machine), machine.fail)));

const tupleOf =
  (count: number): Opcode =>
  (machine) => {
    const items = Array.from({ length: count }, () => machine.pop());
    machine.push(tuple(items.reverse()));
  };

/** A whole number of any length, least byte first, in two's complement. */
function long(machine: Machine): void {
  const given = machine.input.take(u8(machine), machine.fail);
  let value = 0n;
  for (let i = given.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(given[i]!);
  value = BigInt.asIntN(8 * given.length, value);
  machine.push(Number.isSafeInteger(Number(value)) ? Number(value) : value);
}

/** Python 2 wrote its names as bytes; torch reads them as UTF-8. */
function shortString(machine: Machine): void {
  const given = machine.input.take(u8(machine), machine.fail);
  const read = given.toString('utf8');
  machine.push(read.includes('\ufffd') ? new Uint8Array(given) : read);
}

function append(machine: Machine, items: readonly PickleValue[]): void {
  const list = machine.top();
  if (Array.isArray(list)) for (const item of items) list.push(item);
  else if (isRecord(list)) for (const item of items) list.items.push(item);
  else machine.fail(`it appends to ${kindOf(list)}`);
  machine.spend(items.length);
}

function setItems(machine: Machine, pairs: readonly PickleValue[]): void {
  const dict = machine.top();
  const entries = dict instanceof Map ? dict : isRecord(dict) ? dict.entries : undefined;
  if (entries === undefined) machine.fail(`it sets a key of ${kindOf(dict)}`);
  if (pairs.length % 2 !== 0) machine.fail('a key of a dict has no value: it is damaged');
  for (let i = 0; i < pairs.length; i += 2) entries!.set(pairs[i]!, pairs[i + 1]!);
  machine.spend(pairs.length);
}

function addItems(machine: Machine): void {
  const items = machine.popMark();
  const set = machine.top();
  if (set instanceof Set) for (const item of items) set.add(item);
  else if (isRecord(set)) for (const item of items) set.items.push(item);
  else machine.fail(`it adds to ${kindOf(set)}`);
  machine.spend(items.length);
}

/** A class or function by its name; it is looked up nowhere. */
function pushGlobal(machine: Machine, module: string, own: string): void {
  const name = `${module}.${own}`;
  if (isCode(name.replace(/^__builtin__\./, 'builtins.')))
    machine.fail(
      `it asks for ${name}, which no weights need: this file is made to run code. It was not run`,
      'Delete the file, and take the weights from a source that you trust.',
    );
  machine.push({ kind: 'global', name });
}

function stackGlobal(machine: Machine): void {
  const [name, module] = [machine.pop(), machine.pop()];
  if (typeof name !== 'string' || typeof module !== 'string') return machine.fail('the name of a class is no text');
  pushGlobal(machine, module, name);
}

function reduce(machine: Machine): void {
  const [args, called] = [machine.pop(), machine.pop()];
  machine.push(construct(called, args, machine));
}

function newObjEx(machine: Machine): void {
  const [named, args, of] = [machine.pop(), machine.pop(), machine.pop()];
  const made = construct(of, args, machine);
  if (isRecord(made) && named instanceof Map) for (const [key, value] of named) made.entries.set(key, value);
  machine.push(made);
}

/** Attributes of an object: kept where it is a record, not needed of dicts and tensors. */
function build(machine: Machine): void {
  const state = machine.pop();
  const of = machine.top();
  if (isRecord(of)) of.state = state;
  else if (typeof of !== 'object' || of === null || isGlobal(of)) machine.fail(`it gives attributes to ${kindOf(of)}`);
}

/** What each instruction does, by its byte. */
export const OPCODES: Readonly<Record<number, Opcode>> = {
  // Around it: protocol, frames.
  0x80: (machine) => {
    const version = u8(machine);
    if (version < 2 || version > 5) machine.fail(`it is of protocol ${version}, which torch.save does not write`);
  },
  0x95: (machine) => {
    const length = u64(machine);
    if (length > 2 ** 40) machine.fail(`it announces ${length} bytes: it is damaged`);
  },
  // Constants.
  0x4e: constant(null),
  0x88: constant(true),
  0x89: constant(false),
  // Numbers: 4 bytes, 1, 2, any length, a double.
  0x4a: (machine) => machine.push(machine.input.take(4, machine.fail).readInt32LE(0)),
  0x4b: (machine) => machine.push(u8(machine)),
  0x4d: (machine) => machine.push(u16(machine)),
  0x8a: long,
  0x47: (machine) => machine.push(machine.input.take(8, machine.fail).readDoubleBE(0)),
  // Text and bytes, by the size of their length.
  0x8c: text(u8),
  0x58: text(u32),
  0x8d: text(u64),
  0x55: shortString,
  0x43: bytes(u8),
  0x42: bytes(u32),
  0x8e: bytes(u64),
  0x96: bytes(u64),
  // Containers.
  0x28: (machine) => machine.mark(),
  0x29: constant(tuple([])),
  0x85: tupleOf(1),
  0x86: tupleOf(2),
  0x87: tupleOf(3),
  0x74: (machine) => machine.push(tuple(machine.popMark())),
  0x5d: (machine) => machine.push([]),
  0x61: (machine) => {
    const item = machine.pop();
    append(machine, [item]);
  },
  0x65: (machine) => {
    const items = machine.popMark();
    append(machine, items);
  },
  0x7d: (machine) => machine.push(new Map()),
  0x73: (machine) => {
    const [value, key] = [machine.pop(), machine.pop()];
    setItems(machine, [key, value]);
  },
  0x75: (machine) => {
    const pairs = machine.popMark();
    setItems(machine, pairs);
  },
  0x8f: (machine) => machine.push(new Set()),
  0x90: addItems,
  0x91: (machine) => machine.push(new Set(machine.popMark())),
  // What was there before.
  0x71: (machine) => machine.remember(u8(machine)),
  0x72: (machine) => machine.remember(u32(machine)),
  0x94: (machine) => machine.remember(machine.memo.size),
  0x68: (machine) => machine.push(machine.recall(u8(machine))),
  0x6a: (machine) => machine.push(machine.recall(u32(machine))),
  0x51: (machine) => {
    const id = machine.pop();
    machine.push(machine.persistent(id, machine.fail));
  },
  // Objects.
  0x63: (machine) => {
    const module = machine.input.line(machine.fail);
    pushGlobal(machine, module, machine.input.line(machine.fail));
  },
  0x93: stackGlobal,
  0x52: reduce,
  0x81: reduce,
  0x92: newObjEx,
  0x62: build,
};
