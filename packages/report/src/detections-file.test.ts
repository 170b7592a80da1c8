import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunInfo, TrainerEvent } from '@kd/core';
import { expect, test } from 'vitest';
import { detectionsFile, readDetections } from './detections-file.js';

test('detections come back bit by bit, images without any too, and the newest stay', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-report-'));
  const listener = detectionsFile();
  const evaluation = (step: number, score: number): TrainerEvent =>
    ({
      type: 'evaluation',
      step,
      detections: [
        {
          id: 'a "quoted" id',
          boxes: Float32Array.of(0.1, 1 / 3, 1e-8, 12345.678),
          scores: Float32Array.of(score),
          labels: Int32Array.of(2),
        },
        { id: 3, boxes: new Float32Array(), scores: new Float32Array(), labels: new Int32Array() },
      ],
    }) as unknown as TrainerEvent;
  await listener.on({ type: 'start', run: { folder } as RunInfo });
  await listener.on(evaluation(10, 0.2));
  await listener.on(evaluation(20, 0.7));
  const { step, detections } = await readDetections(join(folder, 'detections.json'));
  expect(step).toBe(20);
  expect(detections.map(({ id }) => id)).toEqual(['a "quoted" id', 3]);
  expect(detections[0]!.boxes).toEqual(Float32Array.of(0.1, 1 / 3, 1e-8, 12345.678));
  expect(detections[0]!.scores).toEqual(Float32Array.of(0.7));
  expect(detections[1]!.labels).toHaveLength(0);
  expect(await readdir(folder)).toEqual(['detections.json']);
});
