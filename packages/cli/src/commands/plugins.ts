import { API_VERSION, discover } from '@kd/core';
import { columns } from '@kd/report';
import type { Flags } from '../main.js';

/** `kd plugins`: what the project of the working directory has installed, from its manifests alone. */
export async function plugins({ json }: Flags): Promise<number> {
  const manifests = await discover(process.cwd());
  if (json === true) {
    process.stdout.write(`${JSON.stringify(manifests, null, 2)}\n`);
    return 0;
  }
  if (manifests.length === 0) {
    process.stdout.write('no plugins: the project of this folder has no direct dependency that declares one. For example: pnpm add @kd/plugin-ssim @kd/detector-retinanet @kd/engine-tensorflow\n');
    return 0;
  }
  const rows = manifests.map((one) => [one.kind, one.name, one.version, one.package, one.apiVersion === API_VERSION ? '' : `speaks version ${one.apiVersion} of the contract, this core ${API_VERSION}`]);
  process.stdout.write(`${columns([['kind', 'name', 'version', 'package', ''], ...rows], 5).join('\n')}\n`);
  return 0;
}
