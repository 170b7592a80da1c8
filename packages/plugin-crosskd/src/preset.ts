import type { DistillerEntry } from '@kd/core';

/**
 * Of PKD beside CrossKD, by the student's detector, as in the authors' configs; 2 for those that they have none for.
 */
const PKD_WEIGHTS: Readonly<Record<string, number>> = { gfl: 6, atss: 1, retinanet: 2, fcos: 2 };

/**
 * The preset `crosskd+pkd`: CrossKD on the head and PKD on the neck, with the weights that CrossKD's authors combine
 * them with. Wang et al., CVPR 2024.
 * @param student name of the student's detector
 */
export const crosskdPkd = (student: string): DistillerEntry[] => [
  'crosskd',
  ['pkd', { weight: Object.hasOwn(PKD_WEIGHTS, student) ? PKD_WEIGHTS[student] : 2 }],
];
