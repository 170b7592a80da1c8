import type { Fail, PickleInput } from './pickle-input.js';
import { createMachine } from './pickle-machine.js';
import type { PickleValue } from './pickle-value.js';
import { OPCODES, STOP } from './opcodes.js';

/**
 * Reads one pickle as data: the opcodes of torch's own restricted unpickler, and those that `torch.save` adds with
 * protocols 3 to 5. Nothing is imported and nothing called. `input` stands behind the pickle afterwards.
 * @param tell makes the error of what is wrong at a byte
 */
export function unpickle(
  input: PickleInput,
  tell: (position: number, why: string, advice?: string) => Error,
  persistent?: (id: PickleValue, fail: Fail) => PickleValue,
): PickleValue {
  let at = input.position;
  const fail: Fail = (why, advice) => {
    throw tell(at, why, advice);
  };
  const machine = createMachine(
    input,
    fail,
    persistent ?? (() => fail('it refers to something outside of itself, where nothing is')),
  );
  for (;;) {
    at = input.position;
    const code = input.take(1, fail)[0]!;
    if (code === STOP) return machine.pop();
    const run = OPCODES[code];
    if (run === undefined)
      fail(
        `the instruction 0x${code.toString(16).padStart(2, '0')} is none that torch.save writes`,
        'It is damaged, or another program wrote it: save the state dict with torch.save.',
      );
    else run(machine);
  }
}
