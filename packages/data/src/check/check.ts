import { checkMembers, KdError, printable } from '@kd/core/plain';
import type { DataSource } from '../dataset.js';
import { dataSource } from '../open-dataset.js';
import type { Correction } from '../read/correction.js';
import { from } from '../read/safe-path.js';
import { type ShortForm, shortForm } from '../short-form.js';
import { classList } from './class-list.js';
import { type CheckedImage, inspect } from './inspect.js';

/** What is to be checked: `coco` with `images`, `voc` with `split`, `yolo`, `labelme` or `csv`. */
export interface CheckOptions extends ShortForm {
  /** Class names in the order of the labels: a list, a JSON list as text, or the name of a file that holds one. */
  readonly classes?: string | readonly string[];
  /** Refuse what would be corrected. */
  readonly strict?: boolean;
  /** Folder that the decoded images are written to, as PNG. */
  readonly dump?: string;
  readonly maxPixels?: number;
  /** Where relative paths start; default: the working directory. */
  readonly folder?: string;
}

export type CheckResult =
  | {
      readonly ok: true;
      readonly name: string;
      /** Names of all classes, also of those without a box. */
      readonly classes: readonly string[];
      readonly images: readonly CheckedImage[];
      readonly report: readonly Correction[];
    }
  | {
      readonly ok: false;
      readonly error: { readonly message: string; readonly findings: readonly string[] };
      /** What would be corrected beside that. */
      readonly report: readonly Correction[];
    };

/**
 * Reads a data set and decodes every image of it, as training would. What a person can mend is returned as `ok: false`,
 * all of it at once.
 * @throws KdError USAGE for options that contradict each other
 */
export async function checkDataset(options: CheckOptions): Promise<CheckResult> {
  checkMembers(options, {}, 'the options of checkDataset', 'USAGE');
  const folder = options.folder ?? process.cwd();
  const findings: string[] = [];
  const tell = ({ message }: KdError): void => void findings.push(message);
  const report: Correction[] = [];
  let name = '';
  try {
    const source = await sourceOf(options, folder);
    name = source.name;
    const dump = options.dump === undefined ? undefined : from(folder, options.dump);
    const found = await inspect(source, folder, tell, dump);
    report.push(...found.report);
    if (findings.length === 0) findings.push(...found.unusable.map((why) => `it ${why}`));
    if (findings.length === 0)
      return {
        ok: true,
        name,
        classes: found.dataset.categories.map((category) => category.name),
        images: found.images,
        report,
      };
  } catch (thrown) {
    if (!(thrown instanceof KdError) || thrown.code === 'USAGE') throw thrown;
    tell(thrown);
  }
  return { ok: false, error: { message: messageOfFindings(name, findings), findings }, report };
}

/** The name tells which split it was. */
function messageOfFindings(name: string, findings: readonly string[]): string {
  const of = name === '' ? '' : `${printable(name)}: `;
  if (findings.length === 1) return `${of}${findings[0]!}`;
  return `${of}${findings.length} findings:\n${findings.map((finding) => `  ${finding}`).join('\n')}`;
}

async function sourceOf(options: CheckOptions, folder: string): Promise<DataSource> {
  const { strict = false, maxPixels, classes, dump: _dump, folder: _folder, ...named } = options;
  const spec = shortForm(named);
  if (spec === null)
    throw new KdError(
      'USAGE',
      'Say what to check: --coco JSON with --images DIR, --voc ROOT with --split NAME, --yolo data.yaml, --labelme DIR, or --csv FILE.',
    );
  // A table takes a file of classes itself: it may hold their ids.
  const isFile = spec['format'] === 'csv' && typeof classes === 'string' && !classes.trimStart().startsWith('[');
  const names = isFile ? classes : await classList(classes, folder);
  return dataSource({
    ...spec,
    ...(names === undefined ? {} : { classes: names }),
    strict,
    ...(maxPixels === undefined ? {} : { maxPixels }),
  });
}
