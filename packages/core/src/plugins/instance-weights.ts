import * as v from 'valibot';

/**
 * Whether a plugin's terms on objects read the weights of instances that another plugin hands out, for its options:
 * `instanceWeights`.
 */
export const instanceWeights = v.optional(v.boolean(), true);
