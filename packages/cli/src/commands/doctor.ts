import {
  type EngineInfo,
  isKdError,
  type LowPrecision,
  messageOf,
  type PrecisionGain,
  resolveEngine,
  startedEngine,
} from '@kd/core';
import { diagnose, type Diagnosis, forbidsBfloat16, tensorflow } from '@kd/engine-tensorflow';
import { engineText } from '@kd/report';
import { copiesOf, type Copy, copyWarnings, SINGLE_PACKAGES } from '../copies.js';
import { engineChoice } from '../engine-choice.js';
import { FAILED } from '../failures.js';
import type { Flags } from '../flags.js';
import { print, printJson } from '../out.js';

type Tried = { readonly ok: true; readonly engine: EngineInfo } | { readonly ok: false; readonly why: string };

/** What fewer bits save; null where the device multiplies none. */
type Saved = (PrecisionGain & { readonly floats: LowPrecision }) | null;

type Native =
  | { readonly ok: true; readonly engine: EngineInfo; readonly precision: Saved }
  | Extract<Tried, { ok: false }>;

/**
 * `kd doctor`: looks, and starts the engine where nothing has to be downloaded or compiled first. Exit code 1 when
 * training would not run.
 */
export async function doctor({ json }: Flags): Promise<number> {
  const found = await diagnose();
  const copies = await copiesOf(SINGLE_PACKAGES, process.cwd());
  const several = copyWarnings(copies);
  const started = found.ready ? await tryStart() : null;
  const native = found.usable && started?.ok !== false;
  const webgpu = await startOther('webgpu', 'not installed');
  // What the engine "auto" takes where TensorFlow does not run.
  const card = webgpu.ok && webgpu.engine.software !== true ? webgpu.engine : null;
  const wasm = native || card !== null ? null : await startOther('wasm', 'not installed');
  const named = await startNamed(native);
  const fallback = native ? null : (card ?? (wasm?.ok === true ? wasm.engine : null));
  const advice = [
    ...found.advice,
    ...(found.ready || !found.usable
      ? []
      : ['Nothing else: the first training, or kd engine install, sets up what is missing.']),
    ...(started?.ok === false ? [started.why] : []),
    ...(native || fallback !== null
      ? []
      : [
          'Or train without any of it: pnpm add @kd/engine-webgpu webgpu, where there is a graphics card, or, several times slower, pnpm add @kd/engine-wasm.',
        ]),
    ...(named?.why === undefined ? [] : [`${NAMED} names an engine that does not run here: ${named.why}`]),
    ...several,
  ];
  const well = (native || fallback !== null) && named?.why === undefined && several.length === 0;
  if (json === true) printJson({ ok: well, ...found, started, webgpu, named, fallback, copies, advice });
  else print(...lines(found, { started, webgpu, named, fallback }, copies, advice, well));
  return well ? 0 : FAILED;
}

async function tryStart(): Promise<Native> {
  try {
    const engine = tensorflow();
    const info = await engine.start();
    const floats = engine.capabilities().precision.find((one) => one !== 'float32');
    return { ok: true, engine: info, precision: floats ? { floats, ...engine.precisionGain!(floats) } : null };
  } catch (error) {
    // A variable that is no number: a training ends with it, and takes no other engine.
    if (isKdError(error) && error.code === 'USAGE') throw error;
    return { ok: false, why: messageOf(error) };
  }
}

interface Named {
  readonly name: string;
  readonly why?: string;
}

const NAMED = '--engine or KD_ENGINE';

/** The one engine that is named instead of `auto`, or null; what of it does not run. */
async function startNamed(native: boolean): Promise<Named | null> {
  const name = engineChoice() ?? 'auto';
  if (name === 'auto') return null;
  if (name === 'tensorflow') return native ? { name } : { name, why: 'tensorflow, as said here.' };
  const tried = await startOther(name);
  return tried.ok ? { name } : { name, why: tried.why };
}

/** @param missing what to say of one that is not installed; default: the error's own words */
async function startOther(name: string, missing?: string): Promise<Tried> {
  try {
    return { ok: true, engine: await startedEngine(await resolveEngine(name, process.cwd())) };
  } catch (error) {
    if (!isKdError(error)) throw error;
    return { ok: false, why: error.code === 'PLUGIN_NOT_FOUND' && missing !== undefined ? missing : error.message };
  }
}

function lines(
  found: Diagnosis,
  {
    started,
    webgpu,
    named,
    fallback,
  }: {
    readonly started: Native | null;
    readonly webgpu: Tried;
    readonly named: Named | null;
    readonly fallback: EngineInfo | null;
  },
  copies: Readonly<Record<string, readonly Copy[]>>,
  advice: readonly string[],
  well: boolean,
): string[] {
  const { places, uses, binding, hashes, wouldDownload, compiler, python } = found;
  const engine =
    started?.ok === true
      ? `${engineText(started.engine)}: it starts`
      : uses === null
        ? 'tensorflow, not set up yet'
        : 'tensorflow, not ready';
  const ill =
    named?.why !== undefined
      ? `${named.name}, as ${NAMED} names it, does not run here; `
      : !well && (started?.ok === true || fallback !== null)
        ? 'there are several copies of a package; '
        : '';
  return [
    `${well ? 'well' : 'NOT WELL'}: ${ill}${engine}${fallback === null ? '' : `; trains on ${engineText(fallback)}${fallback.device === 'gpu' ? '' : ', several times slower'}`}`,
    '',
    ...(named === null
      ? []
      : [`engine    ${named.name}, as ${NAMED} names it${named.why === undefined ? ', and it starts' : ''}`]),
    `node      ${found.node} on ${found.platform}`,
    `library   ${uses === null ? 'none yet' : `${uses.why}, ${uses.folder ?? ''}`}`,
    ...places.map(
      (place) =>
        `          ${place === uses ? '>' : '-'} ${place.source}: ${place.why}${place === uses ? ' (used: the first that has one)' : ''}`,
    ),
    ...(wouldDownload === null
      ? []
      : [
          `download  ${wouldDownload.what.join(', ')}, ${Math.round(wouldDownload.bytes / 1e6)} MB, to ${wouldDownload.to}`,
        ]),
    `binding   ${binding === null ? 'none yet' : `${binding.compiled ? 'compiled' : 'not compiled yet'}, ${binding.file}`}`,
    `hashes    ${hashLine(hashes)}`,
    ...(started?.ok === true ? [`precision ${precisionLine(started.precision)}`] : []),
    `compiler  ${compiler === null ? 'none' : compiler.version}`,
    `webgpu    ${webgpu.ok ? engineText(webgpu.engine) : webgpu.why}`,
    `python    ${python === null ? noPython() : `${python.command} ${python.version}, ${python.pip === null ? 'without pip' : `pip ${python.pip}`}`}`,
    ...Object.entries(copies).flatMap(([name, found]) => copyLines(name.replace(/^.*\/(tfjs-(?=layers))?/, ''), found)),
    '',
    ...(advice.length === 0 ? ['nothing to do'] : advice.map((one) => `to do: ${one}`)),
  ];
}

/** Measured: less than this share of float32's time is a gain. */
const GAINS = 0.9;

function precisionLine(saved: Saved): string {
  if (saved === null) {
    const forbidden = forbidsBfloat16();
    return `float32 alone: ${forbidden === null ? 'the processor does not multiply bfloat16' : `${forbidden} forbids the bfloat16 that the processor multiplies`}`;
  }
  const { floats, forward, training } = saved;
  const pays = (share: number): string => (share < GAINS ? 'pays' : 'does not pay');
  const teacher = floats === 'bfloat16' ? `: precision: { teacher: 'bf16' } ${pays(forward)}` : '';
  return `convolutions in ${floats} take ${forward.toFixed(2)} of the time of float32${teacher}; with their gradients ${training.toFixed(2)}: precision: 'mixed' ${pays(training)}`;
}

const noPython = (): string =>
  process.env.KD_PYTHON ? `none: KD_PYTHON=${process.env.KD_PYTHON} does not run` : 'none';

const hashLine = ({ compared, damage }: Diagnosis['hashes']): string => {
  if (damage.length > 0) return 'NOT as they were kept when this was set up';
  return compared === 0 ? 'none kept yet' : `${compared} files are as they were set up`;
};

const copyLines = (label: string, copies: readonly Copy[]): string[] =>
  copies.map(
    ({ version, folder, by }, i) =>
      `${(i === 0 ? label : '').padEnd(9)} ${version}${copies.length > 1 ? ` for ${by.join(', ')}` : ''} (${folder})`,
  );
