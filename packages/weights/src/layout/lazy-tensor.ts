import type { HostTensor } from '@kd/core';

/**
 * A tensor whose values are worked out when somebody reads them, each time anew: a whole checkpoint in another layout
 * would lie in memory twice.
 * @param passing the same for {@link passingData}, where there is a cheaper way
 */
export function lazyTensor(
  { dtype }: Pick<HostTensor, 'dtype'>,
  shape: readonly number[],
  data: () => HostTensor['data'],
  passing: () => HostTensor['data'] = data,
): HostTensor {
  const tensor: HostTensor = {
    dtype,
    shape,
    get data() {
      return data();
    },
  };
  passingOf.set(tensor, passing);
  return tensor;
}

const passingOf = new WeakMap<HostTensor, () => HostTensor['data']>();

/** The values for a reader that is done with them before any others are read: those of a file come in one buffer. */
export const passingData = (tensor: HostTensor): HostTensor['data'] => passingOf.get(tensor)?.() ?? tensor.data;
