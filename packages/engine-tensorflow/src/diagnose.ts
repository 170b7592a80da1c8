import { megabytes, type Python } from '@kd/core/wheels';
import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { bindingPlan } from './binding.js';
import { findCompiler, type Compiler } from './compiler.js';
import { explicitFolder, searchLibrary, type Place } from './find-library.js';
import { compareHashes, damage } from './kept-hashes.js';
import { thisMachine, type Machine } from './machine.js';
import { setUpFolder } from './set-up.js';
import { CPU_WHEELS, PLATFORMS } from './wheels.js';

/** What `kd doctor` prints about this engine. */
export interface Diagnosis {
  /** Whether `start()` would work now, or after a set-up that can be done here. */
  readonly usable: boolean;
  /** Whether it would work at once: library there, binding compiled. */
  readonly ready: boolean;
  readonly node: string;
  readonly platform: string;
  readonly cache: string;
  /** Where a library was looked for, in order. */
  readonly places: readonly Place[];
  /** The place that would be used, or null when a library has to be set up first. */
  readonly uses: Place | null;
  /** What a set-up would download, and to where; null when nothing has to be. */
  readonly wouldDownload: { readonly what: readonly string[]; readonly bytes: number; readonly to: string } | null;
  readonly binding: { readonly file: string; readonly compiled: boolean } | null;
  /** How many files of the set-up were compared with the hashes kept of them, and what is not as it was. */
  readonly hashes: { readonly compared: number; readonly damage: readonly string[] };
  readonly compiler: Compiler | null;
  readonly python: Python | null;
  /** What to do, one sentence each; empty when nothing is to be done. */
  readonly advice: readonly string[];
}

/** Looks at everything the engine needs, downloads and loads nothing, never throws. */
export async function diagnose(
  options: { readonly library?: string } = {},
  machine: Machine = thisMachine(),
): Promise<Diagnosis> {
  const { cache, env, platform, run, wheels } = machine;
  const explicit = explicitFolder(options.library, machine);
  const [python, compiler] = await Promise.all([machine.python(), findCompiler(env, run)]);
  const places = searchLibrary(explicit, python, machine);
  const canSetUp =
    explicit === undefined && CPU_WHEELS[platform] !== undefined && python !== null && python.pip !== null;
  // tfjs-node's own library is used only where none can be set up.
  const uses = places.find(({ found, source }) => found && !(source === 'tfjs-node' && canSetUp)) ?? null;
  const plan = uses?.found ? bindingPlan(uses.found, cache, platform) : null;
  const compiled = plan !== null && existsSync(plan.file);
  const hashes = await hashesOf(uses, plan?.file ?? null, setUpFolder(cache, wheels));
  const whole = hashes.damage.length === 0;

  const advice: string[] = [...hashes.damage];
  const bytes = wheels.reduce((sum, wheel) => sum + wheel.bytes, 0);
  if (uses === null && whole) {
    if (explicit !== undefined)
      advice.push(
        `KD_TENSORFLOW or the option \`library\` names ${explicit}, but ${places[0]!.why}: correct it, or leave it out.`,
      );
    else if (CPU_WHEELS[platform] === undefined)
      advice.push(
        `A library can be set up on ${PLATFORMS} only, this is ${platform}: name a folder with libtensorflow in KD_TENSORFLOW.`,
      );
    else if (python === null)
      advice.push('Install Python 3 and pip (Debian: apt install python3 python3-pip): the library comes as a wheel.');
    else if (python.pip === null)
      advice.push(`Install pip for ${python.command} (Debian: apt install python3-pip): the library comes as a wheel.`);
    else
      advice.push(`Run \`kd engine install\`: it downloads ${megabytes(bytes)} once. Training does so by itself, too.`);
  }
  if (compiler === null && !compiled)
    advice.push('Install a C++ compiler (Debian: apt install g++), or name one in CXX: the binding is compiled once.');
  return {
    usable: whole && (uses !== null || canSetUp) && (compiled || compiler !== null),
    ready: compiled && whole,
    node: process.version,
    platform,
    cache,
    places,
    uses,
    wouldDownload:
      uses === null && canSetUp
        ? { what: wheels.map(({ requirement }) => requirement), bytes, to: setUpFolder(cache, wheels) }
        : null,
    binding: plan && { file: plan.file, compiled },
    hashes,
    compiler,
    python,
    advice,
  };
}

/** Compares every file of what was set up and would be used: the library of the cache, and the binding. */
async function hashesOf(uses: Place | null, binding: string | null, library: string): Promise<Diagnosis['hashes']> {
  const damaged: string[] = [];
  let compared = 0;
  const compare = async (folder: string, lacking: string | null): Promise<void> => {
    const comparison = await compareHashes(folder, { all: true });
    const faults = [...(comparison?.faults ?? [])];
    if (faults.length === 0 && lacking !== null) faults.push(lacking);
    if (faults.length > 0) damaged.push(damage(folder, faults));
    compared += Object.keys(comparison?.files ?? {}).length;
  };
  if ((uses === null || uses.source === 'cache') && existsSync(library))
    await compare(library, uses === null ? 'it holds no libtensorflow' : null);
  if (binding !== null && existsSync(dirname(binding)))
    await compare(dirname(binding), existsSync(binding) ? null : `${basename(binding)} is gone`);
  return { compared, damage: damaged };
}
