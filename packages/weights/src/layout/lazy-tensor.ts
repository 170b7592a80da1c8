import type { HostTensor } from '@kd/core';

/**
 * A tensor whose values are worked out when somebody reads them, each time anew: a whole checkpoint in another layout
 * would lie in memory twice.
 */
export function lazyTensor(
  { dtype }: Pick<HostTensor, 'dtype'>,
  shape: readonly number[],
  data: () => HostTensor['data'],
): HostTensor {
  return {
    dtype,
    shape,
    get data() {
      return data();
    },
  };
}
