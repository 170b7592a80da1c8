import type { BackboneDefinition } from '../contract/backbone.js';
import type { DetectorDefinition } from '../contract/detector.js';
import type { Use } from '../define.js';
import { checkMembers, MEMBERS } from '../members.js';
import { importByName } from '#host/discovery';

/** A definition that is there already, installed or not: its name in a file stands for it. */
export type KnownDefinition = DetectorDefinition | BackboneDefinition;

type Options = Readonly<Record<string, unknown>>;

/**
 * Turns the name of a backbone in the options of a detector into its definition, where the detector takes any
 * backbone: one that the detector brings, else one of a package.
 * @param namedBy the file that says so, where no person does; see {@link importByName}
 */
export async function withBackbone(
  use: Use<DetectorDefinition>,
  folder: string,
  namedBy?: string,
  known: readonly KnownDefinition[] = [],
): Promise<Use<DetectorDefinition>> {
  const { backbones } = use.definition;
  const entry = namedBackbone(use.options);
  const brought = backboneUse(use.options);
  if (brought !== undefined) checkMembers(brought.definition, MEMBERS.backbone, 'the backbone that the config imports');
  if (backbones === undefined || entry === undefined) return use;
  const [name, options = {}] = entry;
  const there = [...backbones, ...known].find((one) => one.kind === 'backbone' && one.name === name);
  const definition =
    there ??
    (await importByName(
      'backbone',
      name,
      folder,
      namedBy,
      backbones.map((one) => one.name),
    ));
  return { ...use, options: { ...(use.options as Options), backbone: { definition, options } } };
}

/** The backbone that stands in the options of a detector as an object, or undefined. */
export function backboneUse(options: unknown): Use<BackboneDefinition> | undefined {
  const given = isRecord(options) ? options['backbone'] : undefined;
  return isRecord(given) && isRecord(given['definition']) ? (given as unknown as Use<BackboneDefinition>) : undefined;
}

/** Options as a file can hold them: a backbone is its name, with its options where it has any. */
export function withBackboneNamed(options: unknown): unknown {
  const use = backboneUse(options);
  if (use === undefined) return options;
  const { name } = use.definition;
  const bare = isRecord(use.options) && Object.keys(use.options).length === 0;
  return { ...(options as Options), backbone: bare ? name : [name, use.options] };
}

/** `'name'`, or `['name', { options }]`; anything else is for the schema to refuse. */
function namedBackbone(options: unknown): readonly [name: string, options?: Options] | undefined {
  const given = isRecord(options) ? options['backbone'] : undefined;
  if (typeof given === 'string') return [given];
  if (!Array.isArray(given) || given.length > 2 || typeof given[0] !== 'string') return undefined;
  return given[1] === undefined || isRecord(given[1]) ? (given as unknown as [string, Options?]) : undefined;
}

const isRecord = (value: unknown): value is Options =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
