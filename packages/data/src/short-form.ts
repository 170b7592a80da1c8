import { KdError } from '@kd/core/plain';

/** A data set as a command line names it: one of the formats, and what belongs to it. */
export interface ShortForm {
  /** Instances JSON, or several as one set. */
  readonly coco?: string | readonly string[];
  /** Root of a VOC data set. */
  readonly voc?: string;
  /** `data.yaml` of a data set in YOLO's form. */
  readonly yolo?: string;
  /** Folder of LabelMe. */
  readonly labelme?: string;
  /** Table of boxes. */
  readonly csv?: string;
  /**
   * Image folder of `coco`, or one for each of its files; of `voc`, its name in the root (default `JPEGImages`);
   * of `csv`, where its files start from (default: its own folder).
   */
  readonly images?: string | readonly string[];
  /** Folder of the XML files in the root of `voc`; default `Annotations`. */
  readonly annotations?: string;
  /** Split of `voc`; of `yolo` (default `train`). */
  readonly split?: string;
}

type Key = keyof ShortForm;

/** What each format is called in a config, what it has to have besides, and what it may have. */
const FORMS: Readonly<
  Partial<Record<Key, { readonly as: string; readonly wants: readonly Key[]; readonly takes: readonly Key[] }>>
> = {
  coco: { as: 'annotations', wants: ['images'], takes: [] },
  voc: { as: 'root', wants: ['split'], takes: ['images', 'annotations'] },
  yolo: { as: 'data', wants: [], takes: ['split'] },
  labelme: { as: 'folder', wants: [], takes: [] },
  csv: { as: 'annotations', wants: [], takes: ['images'] },
};

/** What a format has to have besides, in words. */
const WANTED: Partial<Record<Key, string>> = {
  images: '--images DIR, the folder that its file names start from',
  split: '--split NAME, a list in ImageSets/Main without its .txt',
};

const forms = Object.keys(FORMS) as Key[];

/**
 * The plain data that a config would hold, `{ format: 'coco', … }`; null where no format is named.
 * @param split of YOLO's form where none is named
 * @throws KdError USAGE naming the options, as a command line has them
 */
export function shortForm(given: ShortForm, split = 'train'): Readonly<Record<string, unknown>> | null {
  const named = forms.filter((key) => given[key] !== undefined);
  const others = (Object.keys(given) as Key[]).filter((key) => given[key] !== undefined && !forms.includes(key));
  const [format] = named;
  if (format === undefined) {
    if (others.length === 0) return null;
    throw new KdError('USAGE', others.map(belonging).join(', ') + '; give that, too.');
  }
  if (named.length > 1) throw new KdError('USAGE', `give one of ${named.map(option).join(' and ')}, not both.`);
  const { as, wants, takes } = FORMS[format]!;
  for (const key of wants)
    if (given[key] === undefined) throw new KdError('USAGE', `${option(format)} needs ${WANTED[key]}.`);
  const strange = others.find((key) => !wants.includes(key) && !takes.includes(key));
  if (strange !== undefined)
    throw new KdError('USAGE', `${belonging(strange)}, not to ${option(format)}; leave it out.`);
  const several = [format, ...others].find((key) => Array.isArray(given[key]) && format !== 'coco');
  if (several !== undefined) throw new KdError('USAGE', `${option(several)} is given several times; give it once.`);
  return {
    format,
    [as]: given[format],
    ...(format === 'yolo' ? { split } : {}),
    ...Object.fromEntries(others.map((key) => [key, given[key]])),
  };
}

const option = (key: Key): string => `--${key}`;

/** `--split belongs to --voc or --yolo`. */
function belonging(key: Key): string {
  const owners = forms.filter((form) => [...FORMS[form]!.wants, ...FORMS[form]!.takes].includes(key));
  return `${option(key)} belongs to ${owners.map(option).join(' or ') || 'no format'}`;
}
