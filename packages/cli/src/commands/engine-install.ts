import { install } from '@kd/engine-tensorflow';
import type { Flags } from '../flags.js';

/** `kd engine install`: ready to train without a wait later. Quick when all is there, unless `--force` is given. */
export async function engineInstall({ force }: Flags): Promise<number> {
  const { library, binding } = await install({ force: force === true });
  process.stdout.write(`libtensorflow ${library.version} in ${library.folder}\nbinding ${binding}\n`);
  return 0;
}
