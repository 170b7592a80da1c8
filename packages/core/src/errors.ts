import { printable } from './printable.js';
import { shortened } from './shortened.js';

/** What a code stands for. docs/errors.md is made of this: `pnpm docs:errors`. */
export interface ErrorExplanation {
  readonly meaning: string;
  /** What is behind it most of the time. */
  readonly cause: string;
  /** What to do; the message of an error itself is more exact. */
  readonly fix: string;
}

/** Keeps the codes as names and the texts as texts: another wording is no other type. */
const explained = <Code extends string>(
  codes: Readonly<Record<Code, ErrorExplanation>>,
): Readonly<Record<Code, ErrorExplanation>> => codes;

/**
 * Every error that a user can cause is a {@link KdError}: one message that says what, where, why and what to do
 * instead.
 * The codes are listed here, in one place, so that they can be documented and matched on.
 */
export const ERROR_CODES = explained({
  CONFIG_INVALID: {
    meaning: 'The configuration does not fit its schema.',
    cause:
      'A misspelt key or option, a value of another type or out of its range, one id twice, distillers without a teacher, or fewer training images than one step takes.',
    fix: 'Go through the lines of the message: each has the path of a key and what is wrong there. The keys are in the README of @kd/core, the options of a detector or plugin in its own.',
  },
  CONFIG_NOT_FOUND: {
    meaning: 'The configuration file could not be found or loaded.',
    cause:
      'The path is looked up from the working directory; or the file, or something that it imports, throws when it is loaded.',
    fix: 'Give the path as seen from here. Where the message quotes an error of the file, mend that first: `node` or `tsc` on the same file says more.',
  },
  PLUGIN_NOT_FOUND: {
    meaning: 'A distiller, detector or engine of that name is not installed.',
    cause: 'The name is misspelt, or its package is no direct dependency of the project that holds the config.',
    fix: 'Run `kd plugins` in the folder of the config for the names that are there, or add the package: where one of ours holds the name, the message ends with the line that adds it.',
  },
  PLUGIN_INVALID: {
    meaning:
      'A package says that it is a plugin and is none, was built for another version of the contract, or claims the name of another; or a detector, metric, data source or listener lacks what the contract wants of it.',
    cause:
      'It was not built, lacks a package that it imports, exports something else than what `definePlugin` or `defineDetector` returns, lacks a member of the contract, or is older or newer than this @kd/core; or two packages of the project claim one name.',
    fix: 'Build it, or install what the message names; for another `apiVersion`, take a version of the package for this core; of two packages with one name, remove one or write the name of the package.',
  },
  PLUGIN_REQUIRES: {
    meaning: 'A plugin needs something that the detector does not offer.',
    cause:
      'A method for dense heads beside a two-stage detector, one for regions beside a one-stage detector, or a detector of your own without the capability.',
    fix: 'Take a detector that offers it or another method: each README of a plugin says which detectors it is for. Methods on features, such as `ssim` and `pkd`, suit any.',
  },
  PLUGIN_HOOK: {
    meaning: 'A hook of a plugin threw, or returned what it must not return.',
    cause:
      'A mistake in the code of a plugin: a term that is no scalar, a promise out of a hook of the step, a variable made too late, a hook that does not exist.',
    fix: 'The message names the plugin and the hook, and `cause` of the error has the stack. Run `testPlugin` of @kd/testing on the plugin; if it is not yours, tell its authors.',
  },
  TAP_UNKNOWN: {
    meaning: 'A tap was asked for that the detector does not have.',
    cause:
      'A tap of another detector or with fewer levels, a misspelt name, or, in a plugin, a tap that is read without having been asked for in `featureTap`.',
    fix: 'Choose among the taps that the message lists.',
  },
  TAP_MISMATCH: {
    meaning: 'Taps of teacher and student do not fit each other.',
    cause:
      'The two have levels of different strides or channels of different number, or round the sizes of their maps differently.',
    fix: "For channels set `adapter: 'conv1x1'` in the options of the plugin; for levels name those that both have in its option `taps`.",
  },
  TEACHER_INVALID: {
    meaning: 'The teacher is missing, or does not fit the student.',
    cause:
      'It has no class in common with the data, or other classes or sizes of images than a method on predictions can do with; it reads its maps in another way than the student; or, of another family, it lacks an input rule or a tap is no map of its stride.',
    fix: 'The message has both sides of what differs. Methods on features need neither the classes nor the input of the student; for others say what stands for what with `classes` of the teacher, and give the student its input options.',
  },
  NON_FINITE: {
    meaning: 'A loss term or a gradient is not finite.',
    cause:
      'Most often a learning rate too high for the batch size, above all in the first steps; seldom an image or a box, seldom a loss that divides by nothing.',
    fix: 'Lower `optimizer.lr`, add `schedule.warmup` or `clipNorm`, and begin anew or go on from the last checkpoint, where there is one: it is from before. Look at the images that are named with `kd data check`.',
  },
  CHECKPOINT_INVALID: {
    meaning: 'A checkpoint is damaged, incomplete or from another model.',
    cause:
      'Other options than those it was trained with, a resume with another config, a file that holds weights alone, a download that broke off, published weights that pip could not fetch, or a bit that flipped on a disk.',
    fix: 'Resume with the config of the run; where the newest checkpoint of a run is damaged, delete it, and `--resume` goes on from the one before; to start anew from weights use `init`; for weights of torchvision name the detector beside the file.',
  },
  DATA_INVALID: {
    meaning: 'An annotation file is malformed or contradicts itself.',
    cause:
      'A file that is missing or no JSON or XML, an annotation of an image or class that is not there, one image listed twice, or other classes in training than in validation.',
    fix: 'Run `kd data check` on the data: it tells all findings at once, with file and line or id, and which of them it would correct.',
  },
  IMAGE_INVALID: {
    meaning: 'An image cannot be decoded, or is not what the annotations say.',
    cause:
      'A missing or broken file, another size than in the annotations, a link that leaves the folder, or the wrong folder of images.',
    fix: "Mend or remove the file, or set `data.onBadImage: 'skip'` to train without it. Where most images are not there, correct the folder of the images: `kd data check` tells.",
  },
  ENGINE_UNAVAILABLE: {
    meaning: 'The engine cannot run on this machine as it is.',
    cause:
      'No C++ compiler, no Python with pip or no network at the first start, a platform that TensorFlow has no library for, `KD_TENSORFLOW` pointing at something else, or a file of the set-up that is not as it was set up; an engine that lacks a kernel of TensorFlow.js which training asks for; on WebAssembly, more tensors than its 4 GB hold; on WebGPU, no graphics card with a driver, one that was lost or is full, or a program that it refused.',
    fix: 'Run `kd doctor`: it says what was found, what would be used and what to install. `kd engine install` sets everything up ahead of time, with `--force` anew. Or train on a graphics card by WebGPU (`pnpm add @kd/engine-webgpu webgpu`) or on WebAssembly (`pnpm add @kd/engine-wasm`), which need npm alone; a run goes on there from its checkpoint with `--resume --engine wasm`.',
  },
  COMPILE_REFUSED: {
    meaning: 'A function cannot be compiled to a graph.',
    cause:
      'It reads the values of a tensor, has a shape that depends on them, draws random numbers without a seed, keeps a tensor that is another one at every call, or, with the option `xla` of the engine, has an op that XLA cannot compile; a training then runs such a step op by op, and says so once.',
    fix: 'The message names the plugin, the hook and the line. Compute there with tensors of fixed shapes, as docs/writing-a-plugin.md says, or set `compile: false`.',
  },
  RUN_FOLDER: {
    meaning: 'The run folder cannot be used.',
    cause:
      'It holds a run already, another training writes to it (`run.lock` says which), it cannot be made or read, or is no run at all.',
    fix: 'Go on with `--resume`, or name another folder with `--out`.',
  },
  FILE_WRITE: {
    meaning: 'A file could not be written.',
    cause: 'A full disk, a quota, or a folder without the right to write.',
    fix: 'Make room and go on with `--resume`: files are replaced whole, so that the previous content is still there.',
  },
  USAGE: {
    meaning: 'A command or a function was called wrongly.',
    cause:
      'A flag without its companion, or with a value that is none; in a program, arguments or shapes that do not fit together.',
    fix: 'Run the command with `--help`, or read the docstring of the function that the message names.',
  },
});

export type ErrorCode = keyof typeof ERROR_CODES;

export class KdError extends Error {
  override readonly name = 'KdError';
  readonly code: ErrorCode;

  /**
   * @param code one of {@link ERROR_CODES}
   * @param message what, where (file, line, id), why, and what to do instead; several lines as a list, since names in a
   *   text must not begin a line
   */
  constructor(code: ErrorCode, message: string | readonly string[], options?: { cause?: unknown }) {
    super(
      [message]
        .flat()
        .map((line) => printable(shortened(line)))
        .join('\n'),
      options,
    );
    this.code = code;
  }
}

/**
 * Whether it is a {@link KdError}, of another copy of this package too: `instanceof` knows those of its own copy alone.
 */
export const isKdError = (thrown: unknown): thrown is KdError =>
  thrown instanceof Error &&
  thrown.name === 'KdError' &&
  'code' in thrown &&
  typeof thrown.code === 'string' &&
  Object.hasOwn(ERROR_CODES, thrown.code);

/** The message of anything that was thrown. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** "did you mean …?" for a misspelt name, or an empty string. */
export function suggestion(name: string, known: readonly string[]): string {
  const meant = closest(name, known);
  return meant === '' ? '' : `did you mean "${meant}"?`;
}

/** The name that a misspelt one stands for most likely, or an empty string. */
export function closest(name: string, known: readonly string[]): string {
  let best = '';
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
