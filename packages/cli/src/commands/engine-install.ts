import { install } from '@kd/engine-tensorflow';

/** `kd engine install`: ready to train without a wait later. Quick when everything is there. */
export async function engineInstall(): Promise<number> {
  const { library, binding } = await install();
  process.stdout.write(`libtensorflow ${library.version} in ${library.folder}\nbinding ${binding}\n`);
  return 0;
}
