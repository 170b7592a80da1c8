import type { Detector, StagedHead } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { expectClose, type GoldenTensors } from '../support/index.js';
import { loadHead } from './head-weights.js';
import type { CrossCase, Role } from './index-file.js';
import { golden4d, mapName } from './tensors.js';

/** Every map of one role in the case; the teacher's head makes the cross-head maps as well. */
export async function checkMaps(one: CrossCase, role: Role, detector: Detector, tensors: GoldenTensors): Promise<void> {
  loadHead(
    detector.variables.filter(({ path }) => path.startsWith('head.')),
    one,
    tensors,
    role,
  );
  const got = mapsOf(detector.head!, tensors, role, one);
  const wanted = Object.keys(one.expected).filter((key) => (role === 'tea' ? /^(tea|cross)_/ : /^stu_/).test(key));
  // In front of the first block the student's taps are its levels, which are given.
  expect(wanted.length).toBeGreaterThanOrEqual(role === 'stu' && one.params.idx === 0 ? 0 : 2 * one.level_hw.length);
  for (const key of wanted) {
    expect(got.get(key)?.shape, key).toEqual(one.expected[key]!.shape);
    expectClose(await got.get(key)!.data(), tensors.get(key).values, one.expected[key]!.atol, key);
  }
}

/** Taps and maps of every level; of the teacher, also what its last blocks make of the aligned taps of the student. */
function mapsOf(
  head: StagedHead,
  tensors: GoldenTensors,
  role: Role,
  { params: { idx }, level_hw }: CrossCase,
): ReadonlyMap<string, tf.Tensor> {
  const got = new Map<string, tf.Tensor>();
  for (const branch of ['cls', 'reg']) {
    level_hw.forEach((_, level) => {
      const x = golden4d(tensors, `${role}_fpn.${level}`);
      got.set(`${role}_tap_${branch}.${level}`, head.run(branch, x, { level, to: idx })['feature']!);
      for (const [name, map] of Object.entries(head.run(branch, x, { level })))
        got.set(`${role}_${mapName(name)}.${level}`, map);
      if (role === 'stu') return;
      const aligned = golden4d(tensors, `aligned_${branch}.${level}`);
      const crossed = head.run(branch, idx > 0 ? tf.relu(aligned) : aligned, { level, from: idx });
      for (const [name, map] of Object.entries(crossed)) got.set(`cross_${mapName(name)}.${level}`, map);
    });
  }
  return got;
}
