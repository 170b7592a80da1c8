import { install } from '@kd/engine-tensorflow';
import type { Flags } from '../flags.js';
import { print } from '../out.js';

/** `kd engine install`: ready to train without a wait later. Quick when all is there, unless `--force` is given. */
export async function engineInstall({ force }: Flags): Promise<number> {
  const { library, binding } = await install({ force: force === true });
  print(`libtensorflow ${library.version} in ${library.folder}`, `binding ${binding}`);
  return 0;
}
