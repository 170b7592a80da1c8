import { describe } from 'vitest';
import { type Area, casesOf, goldenTest, readWhole } from '../support/index.js';
import { type Assigned, checkAssignment } from './assignment.js';
import { checkDecoding } from './decoding.js';
import { withDetector } from './detectors.js';
import { checkMaps } from './head-maps.js';
import type { CrossCase, UnitCase } from './index-file.js';

export interface DetectorTests {
  /** Our name of the detector, and the one that tests show. */
  readonly name: string;
  readonly title?: string;
  /** What the cases hold of its assignment beyond labels and their weights. */
  readonly assigned: (one: CrossCase, assigned: Assigned) => void | Promise<void>;
  /** Whether a unit is one of its decoding. */
  readonly decodes?: (unit: UnitCase) => boolean;
}

/** What crosskd.test.ts reads of a case, and the parameters of other detectors than a case's own. */
const OF_HEADS = [
  ...['losses', 'kd_total', 'inputs', 'expected', 'student_tensors_without_kd_gradient', 'if_wrong', 'avg_factor'],
  ...['params.idx', 'params.beta', 'params.temperature', 'params.stds', 'params.stacked_tea'],
  ...['params.cls_weight', 'params.reg_weight', 'params.ctr_weight', 'params.pkd_weight', 'params.reg_max'],
  ...['params.norm_on_bbox', 'params.centerness_on_reg', 'params.conv_bias', 'params.ranges', 'params.groups'],
];

/** What CrossKD's cases hold of a detector that it was run on: assignment, maps of the head, decoding. */
export function describeDetector(
  area: Area,
  detector: CrossCase['params']['detector'],
  { name, title = name, assigned, decodes }: DetectorTests,
): void {
  const cases = casesOf<CrossCase | UnitCase>(area);
  const heads = cases.filter((one): one is CrossCase => one.kind === 'cross_head' && one.params.detector === detector);

  describe(`${title}: assignment`, () => {
    for (const one of heads) {
      goldenTest('detector', name, one.id, () =>
        readWhole(
          one,
          (one) =>
            withDetector(area, one, 'stu', async (built, tensors) =>
              assigned(one, await checkAssignment(one, built, tensors)),
            ),
          OF_HEADS,
        ),
      );
    }
  });

  describe(`${title}: head maps`, () => {
    for (const one of heads) {
      for (const role of ['stu', 'tea'] as const) {
        goldenTest('detector', name, `${one.id}, ${role}`, () =>
          withDetector(area, one, role, (built, tensors) => checkMaps(one, role, built, tensors)),
        );
      }
    }
  });

  if (!decodes) return;
  describe(`${title}: decoding`, () => {
    for (const one of cases.filter((unit): unit is UnitCase => unit.kind === 'unit' && decodes(unit))) {
      goldenTest('detector', name, one.id, () =>
        withDetector(area, heads[0]!, 'stu', async (built) => checkDecoding(one, built, await area.tensors(one.file))),
      );
    }
  });
}
