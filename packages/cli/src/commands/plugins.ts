import { API_VERSION, consoleLogger, manifestWarnings, type Plan, readManifests } from '@kd/core';
import { columns, partLines } from '@kd/report';
import { INTERRUPTED } from '../failures.js';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';
import { planConfig } from '../plan-config.js';

/** `kd plugins [CONFIG]`: what is installed, or what the parts of a config tap, need and add. */
export async function plugins(config: string | undefined, flags: Flags): Promise<number> {
  return config === undefined ? installed(flags) : partsOf(config, flags);
}

/** What the project of the working directory has installed, from its manifests alone. */
async function installed({ json }: Flags): Promise<number> {
  const found = await readManifests(process.cwd());
  for (const warning of await manifestWarnings(found)) consoleLogger.warn(warning);
  const manifests = found.declared;
  if (json === true) {
    printJson(manifests);
    return 0;
  }
  if (manifests.length === 0) {
    print(
      'no plugins: the project of this folder has no direct dependency that declares one. For example: pnpm add @kd/plugin-ssim @kd/detector-retinanet @kd/engine-tensorflow',
    );
    return 0;
  }
  const rows = manifests.map((one) => [
    one.kind,
    one.name,
    one.version,
    one.package,
    one.apiVersion === API_VERSION ? '' : `speaks version ${one.apiVersion} of the contract, this core ${API_VERSION}`,
  ]);
  print(...columns([['kind', 'name', 'version', 'package', ''], ...rows], 5));
  return 0;
}

/** Builds everything that training would, and runs no step. */
async function partsOf(config: string, flags: Flags): Promise<number> {
  const plan = await planConfig(config, flags, { steps: 0 });
  if (plan === null) return INTERRUPTED;
  const { student, teacher, teachers, distillers }: Plan = plan;
  if (flags['json'] === true)
    printJson({ ok: true, config, student, teacher, ...(teachers && { teachers }), distillers });
  else print(...partLines(plan));
  return 0;
}
