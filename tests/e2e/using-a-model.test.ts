import { join } from 'node:path';
import { expect, test } from 'vitest';
import { predict } from './configs/predict.js';
import { needsTensorflow } from '../needs-tensorflow.js';
import { config, kd, root, temporaryFolder } from './kd.js';
import { codeOf, shownCode } from './page-code.js';

needsTensorflow();

test('the page shows the program whole, and it finds boxes inside of a picture, best first', async () => {
  expect(codeOf('docs/using-a-model.md', 'ts')[0]!.code).toBe(shownCode('predict.ts'));
  const run = join(temporaryFolder(), 'run');
  const { code, stderr } = await kd(['train', config('alone.config.ts'), '--out', run]);
  expect(code, stderr).toBe(0);
  const picture = join(root, 'docs/pictures/detections.webp');
  const [found, ...others] = await predict(run, [picture]);
  expect(others).toEqual([]);
  expect(found!.file).toBe(picture);
  expect(found!.boxes).toHaveLength(found!.scores.length * 4);
  expect(found!.classes).toHaveLength(found!.scores.length);
  expect([...found!.scores]).toEqual([...found!.scores].sort((a, b) => b - a));
});
