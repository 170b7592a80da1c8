import { beforeAll, expect } from 'vitest';
import { type Assigned, checkPositives } from './crosskd/assignment.js';
import { describeDetector } from './crosskd/detector-tests.js';
import { startEngine } from './support/engine.js';
import { describeGolden } from './support/index.js';

// What CrossKD's cases hold of the detectors that it was run on: ATSS and GFL as mmdetection builds them.

describeGolden('crosskd', (area) => {
  // The engine may have to set its library up first.
  beforeAll(async () => void (await startEngine()));

  describeDetector(area, 'atss', {
    name: 'atss',
    assigned: async (one, assigned) => {
      checkPositives(one, assigned);
      await checkCenterness(assigned);
    },
    decodes: ({ params }) => params.stds?.join() === '0.1,0.1,0.2,0.2',
  });

  describeDetector(area, 'gfl', {
    name: 'gfl',
    assigned: (one, assigned) => {
      checkPositives(one, assigned);
      expect(assigned.centerness).toBeUndefined();
    },
  });
});

/** The cases hold no centerness targets: where they are is known, and their range. */
async function checkCenterness({ matched, centerness }: Assigned): Promise<void> {
  expect(centerness).toBeDefined();
  (await centerness!.array()).forEach((row, image) =>
    row.forEach((value, prior) => expect(value > 0 && value <= 1).toBe(matched[image]![prior]! >= 0)),
  );
}
