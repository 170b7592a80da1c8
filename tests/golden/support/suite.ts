import { describe, expect, test, type TestContext } from 'vitest';
import { ENGINE } from '../../named-engine.js';
import { goldenAreas, type Area } from './areas.js';
import { statusOf, type Kind } from './coverage.js';
import { every, goldenRoots } from './roots.js';

// By themselves they are skipped where there is no graphics card; who names the engine gets an error.
const describeHere =
  ENGINE === 'webgpu' && every > 1 ? (await import('../../graphics-card.js')).describeOnGraphicsCard : describe;

/**
 * Defines the tests of an area once for each golden root that has it; a root or an area that is absent shows as
 * skipped, with the reason.
 */
export function describeGolden(name: string, define: (area: Area) => void): void {
  for (const root of goldenRoots()) {
    describeHere(`${name}, ${root.name}`, () => {
      const area = goldenAreas(root).find((one) => one.name === name);
      if (root.missing !== null) test.skip(`skipped: ${root.missing}`, () => {});
      else if (area === undefined)
        test.skip(`skipped: there is no ${name} in ${root.name === 'committed' ? 'the committed subset' : 'the golden folder'}`, () => {});
      else define(area);
    });
  }
}

/**
 * A test of one case.
 * @param of the area, op, detector, baseline method or checkpoint kind that it exercises: skipped when that is not
 *   built yet, failing when it is unknown
 */
export function goldenTest(
  kind: Kind,
  of: string,
  name: string,
  run: (context: TestContext) => void | Promise<void>,
): void {
  // A case may lack what it is of.
  const status = statusOf(kind, String(of));
  if (status === 'built') test(name, run);
  else if (status === 'not built yet') test.skip(`${name} (${kind} ${of} is not built yet)`, () => {});
  else
    test(name, () =>
      expect.fail(
        `${kind} "${of}" is unknown: add its test, or list it in notBuiltYet (tests/golden/support/coverage.ts).`,
      ),
    );
}
