/**
 * Support of the golden suite: every test below `tests/golden` runs the cases of one area of a golden folder, and of
 * the part of it
 * that is committed under `tests/golden/data`.
 *
 * The golden folder is `KD_GOLDEN`, or `../shared/golden` beside the repository. Without it its cases are skipped with
 * that reason;
 * the committed ones always run. No test knows the name of a case: folders of the same form with other cases run as
 * well.
 *
 *     describeGolden('ops', (area) => {
 *       for (const one of casesOf<OpCase>(area)) {
 *         goldenTest('op', one.op, one.name, async () => {
 *           const tensors = await area.tensors(one.file);
 *           const x = tensors.get(one.inputs.x);                            // { dtype, shape, data, values (numbers) }
 *           const nhwc = nchwToNhwc(x);                                     // torch layout to ours
 *           expectClose(actual, tensors.get(key).values, opTolerance(info), `${one.name}: out`);
 *         });
 *       }
 *     });
 *
 * - `describeGolden(area, define)`  one `describe` for each golden root that has the area
 * - `goldenTest(kind, of, name, run)`  a test; skipped by name when `of` is in `notBuiltYet`, failing when nobody knows
 *   it
 * - `casesOf<Case>(area)`  the cases of the area's `index.json`
 * - `detectorCases(area)`  the case folders of `detectors`, each with its own `index.json` and `tensors(file)`
 * - `expectClose`, `expectEqual`, `maxDifference`, `relativeL2`, `opTolerance`  comparison; NaN equals NaN
 * - `scoped(run)`  frees what `run` makes, after what it awaits: engines without synchronous reads have `await
 *   tensor.data()` alone
 * - `nchwToNhwc`, `nhwcToNchw`, `oihwToHwio`, `hwioToOihw`, `permute`  layouts
 * - `readWhole(one, run)`  a test that fails where the case has a parameter that `run` never read
 * - `watchCase(one)`  the same for several tests together: the last of them asks for what is `unread`
 * - `oneOf`, `only`  values of a parameter that a test knows; `touching`  gradients that are 0
 * - `coverage.ts`  the one list of what is built and what is not built yet
 */
export { casesOf, detectorCases, goldenAreas, type Area, type DetectorCase } from './areas.js';
export { expectClose, expectEqual, maxDifference, opTolerance, relativeL2, type TensorInfo } from './compare.js';
export { built, notBuiltYet, statusOf, type Kind, type Status } from './coverage.js';
export { touching } from './gradients.js';
export { hwioToOihw, nchwToNhwc, nhwcToNchw, oihwToHwio, permute, type Shaped } from './layout.js';
export { oneOf, only } from './parameters.js';
export { goldenRoots, type GoldenRoot } from './roots.js';
export { scoped } from './scope.js';
export { describeGolden, goldenTest } from './suite.js';
export { readWhole, watchCase } from './whole-case.js';
export { GoldenTensors, type GoldenTensor } from './tensors.js';
