import { beforeAll } from 'vitest';
import { checkPositives } from './crosskd/assignment.js';
import { describeDetector } from './crosskd/detector-tests.js';
import { startEngine } from './support/engine.js';
import { describeGolden } from './support/index.js';

// What CrossKD's cases hold of the detector that it was run on: RetinaNet as mmdetection builds it.

describeGolden('crosskd', (area) => {
  // The engine may have to set its library up first.
  beforeAll(async () => void (await startEngine()));

  describeDetector(area, 'retina', {
    name: 'retinanet',
    title: 'RetinaNet, flavour mmdet',
    assigned: checkPositives,
    decodes: ({ params }) => params.stds?.every((std) => std === 1) === true,
  });
});
