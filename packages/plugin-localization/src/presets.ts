import type { DistillerEntry } from '@kd/core';

/** The preset `ld+kd`: the edges of boxes, and softened class scores at objects, as the authors combine them. */
export const ldKd: readonly DistillerEntry[] = ['ld', ['kd', { loss: 'softmax', temperature: 2, weight: 10 }]];

/**
 * The preset `ld+gi`: the edges of boxes, and features of general instances, the pair of logits and features that the
 * LD paper combines. Its regions are those of GID; GID's other terms are left out.
 */
export const ldGi: readonly DistillerEntry[] = ['ld', ['gid', { relation: 0, responseCls: 0, responseReg: 0 }]];
