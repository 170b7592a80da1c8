import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

/** What breaks the contract in one way, and the test that has to fail. */
const BROKEN: readonly (readonly [string, string])[] = [
  ['leaks', 'keeps the number of live tensors over steps, and frees everything at the end'],
  ['teaches-the-teacher', 'teaches the student, and leaves the teacher as it is'],
  ['remembers-other-runs', 'gives the same numbers twice'],
  ['forgets-its-state', 'goes on from its state as if it had not stopped'],
  ['teaches-nothing', 'teaches the student, and leaves the teacher as it is'],
  ['divides-by-no-object', 'gives finite scalar terms under its name, objects with no row at all'],
  ['takes-any-option', 'refuses an option that it does not know'],
  ['wrong-stride', 'gives every tap with the stride and the channels that it declares'],
  ['makes-every-tap', 'makes no tensors for taps that nobody asks for (training true)'],
  ['worst-first', 'finds boxes inside of the image, best first, and nothing where nothing is'],
  ['outside-of-the-image', 'finds boxes inside of the image, best first, and nothing where nothing is'],
  ['ignores-the-cut', 'runs its head in pieces as in one'],
  ['stays', 'frees everything that it made'],
  ['one-path-for-all', 'has variables with paths of their own, the same in two instances of one process'],
  ['wrong-channels', 'gives every stage with the stride and the channels that it declares, at 64 x 64'],
  ['coarsest-first', 'has one stage a stride, finest first, named under its path'],
  ['never-frozen', 'thaws part after part: none with 0, all that can train with the most'],
  ['forgets-a-layer', 'lists every layer with weights that its stages need'],
  ['divides-by-no-positive', 'has finite scalar terms and gradients, objects with padding alone'],
];
/** All of its tests are run. */
const ALONE = 'forgets-its-state';

let failed: ReadonlyMap<string, readonly string[]>;

/** Runs the suites on plugins and detectors that are broken on purpose, in a process of its own. */
beforeAll(async () => {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const config = fileURLToPath(new URL('../test/vitest.broken.config.ts', import.meta.url));
  // Only what is looked at: what passes is in plugin-suite.test.ts and its neighbours.
  const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const wanted = BROKEN.map(([name, test]) => (name === ALONE ? escaped(name) : `${name}.* ${escaped(test)}`)).join(
    '|',
  );
  const output = await new Promise<string>((resolve) => {
    // It ends with status 1: tests fail, as they have to.
    execFile(
      process.execPath,
      [vitest, 'run', '--config', config, '--reporter=json', '--testNamePattern', wanted],
      { maxBuffer: 2 ** 26 },
      (_, stdout) => resolve(stdout),
    );
  });
  const { testResults } = JSON.parse(output.slice(output.indexOf('{"num'))) as Report;
  const bySuite = new Map<string, string[]>();
  for (const { ancestorTitles, title, status } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
    const suite = ancestorTitles.join(' ').replace(/^the (distiller|detector|backbone) /, '');
    bySuite.set(suite, [...(bySuite.get(suite) ?? []), ...(status === 'failed' ? [title] : [])]);
  }
  failed = bySuite;
});

describe('the contract suites', () => {
  it.each(BROKEN)('fail on what %s', (name, test) => {
    expect(failed.get(name)).toContain(test);
  });

  it('fail on nothing else of a plugin that only forgets its state', () => {
    expect(failed.get(ALONE)).toHaveLength(1);
  });
});
