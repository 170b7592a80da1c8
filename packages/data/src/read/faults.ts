import { KdError } from '@kd/core/plain';

/** Takes what is wrong with one entry of a data set; reading goes on without the entry. */
export type TellFault = (fault: KdError) => void;

/** Faults that a message lists before it only counts. */
const LISTED = 20;

/**
 * Reads to the end before anything is thrown: all faults come at once, as one error, or one by one to `tell`.
 * @throws KdError the only fault as it is, or DATA_INVALID with all
 */
export async function gatherFaults<T>(
  name: string,
  tell: TellFault | undefined,
  read: (tell: TellFault) => Promise<T>,
): Promise<T> {
  const faults: KdError[] = [];
  const result = await read(tell ?? ((fault) => void faults.push(fault)));
  if (faults.length === 1) throw faults[0]!;
  if (faults.length > 1) {
    const lines = faults.slice(0, LISTED).flatMap(({ message }) => `  ${message}`.split('\n'));
    const more = faults.length > LISTED ? [`  and ${faults.length - LISTED} more; \`kd data check\` tells all`] : [];
    throw new KdError('DATA_INVALID', [`${name}: ${faults.length} findings:`, ...lines, ...more], {
      cause: faults[0],
    });
  }
  return result;
}

/** What `make` gives, or null where it throws a fault, which is told. */
export function attempt<T>(tell: TellFault, make: () => T): T | null {
  try {
    return make();
  } catch (thrown) {
    return told(tell, thrown);
  }
}

/** As {@link attempt}, for what takes its time. */
export async function attemptLater<T>(tell: TellFault, make: () => Promise<T>): Promise<T | null> {
  try {
    return await make();
  } catch (thrown) {
    return told(tell, thrown);
  }
}

function told(tell: TellFault, thrown: unknown): null {
  if (!(thrown instanceof KdError)) throw thrown;
  tell(thrown);
  return null;
}
