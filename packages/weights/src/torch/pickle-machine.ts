import type { Fail, PickleInput } from './pickle-input.js';
import type { PickleValue } from './pickle-value.js';

/**
 * More than any checkpoint of a training has, and less than what would fill the memory: a file of some bytes may ask
 * for all that it likes.
 */
const LIMITS = {
  /** Values that wait on the stack. */
  stack: 1 << 20,
  marks: 1000,
  memo: 1 << 22,
  /** Values made, elements of containers included. */
  values: 1 << 23,
  /** Bytes of the pickle. */
  bytes: 1 << 28,
} as const;

/** What the opcodes work on. */
export interface Machine {
  readonly input: PickleInput;
  readonly memo: Map<number, PickleValue>;
  readonly fail: Fail;
  /** What a persistent id stands for: the container's storages. */
  readonly persistent: (id: PickleValue, fail: Fail) => PickleValue;
  push(value: PickleValue): void;
  pop(): PickleValue;
  /** The value on top, which stays. */
  top(): PickleValue;
  mark(): void;
  /** What was pushed since the last mark. */
  popMark(): PickleValue[];
  remember(key: number): void;
  recall(key: number): PickleValue;
  /** Counts values beyond those that are pushed, so that a few bytes cannot ask for many. */
  spend(values: number): void;
}

export function createMachine(input: PickleInput, fail: Fail, persistent: Machine['persistent']): Machine {
  const stack: PickleValue[] = [];
  const marks: number[] = [];
  const memo = new Map<number, PickleValue>();
  const start = input.position;
  let values = 0;
  const bounded = (count: number, limit: keyof typeof LIMITS, what: string): void => {
    if (count > LIMITS[limit])
      fail(
        `it has more than ${LIMITS[limit]} ${what}, more than the weights of any model need`,
        'Save the state dict alone.',
      );
  };
  const machine: Machine = {
    input,
    memo,
    fail,
    persistent,
    push(value) {
      stack.push(value);
      bounded(stack.length, 'stack', 'values on its stack');
      machine.spend(1);
    },
    pop() {
      if (stack.length <= (marks.at(-1) ?? 0)) fail('it takes a value where none is: it is damaged');
      return stack.pop()!;
    },
    top() {
      if (stack.length <= (marks.at(-1) ?? 0)) fail('it uses a value where none is: it is damaged');
      return stack.at(-1)!;
    },
    mark() {
      marks.push(stack.length);
      bounded(marks.length, 'marks', 'levels');
    },
    popMark() {
      const at = marks.pop();
      return at === undefined ? fail('it closes what was never opened: it is damaged') : stack.splice(at);
    },
    remember(key) {
      memo.set(key, machine.top());
      bounded(memo.size, 'memo', 'remembered values');
    },
    recall(key) {
      const value = memo.get(key);
      return value === undefined ? fail(`it refers to value ${key}, which it never had: it is damaged`) : value;
    },
    spend(count) {
      values += count;
      bounded(values, 'values', 'values');
      bounded(input.position - start, 'bytes', 'bytes');
    },
  };
  return machine;
}
