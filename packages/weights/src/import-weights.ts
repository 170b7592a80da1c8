import { KdError, type ForeignOptions, type ForeignWeights, type HostTensor, type NamedTensors } from '@kd/core';
import { backgroundFirst } from './layout/class-rows.js';
import { fromTorchLayout, type Named, reshaped } from './layout/layout.js';
import { findNameMap, type FoundMap, nameMap } from './names/find-map.js';
import { refuseWhole } from './names/refused.js';
import { renamed } from './names/rename.js';
import type { NameMap } from './names/name-map.js';
import { current, foundBy, type LeftOut, splitName, type Translation, toOurNames } from './names/translate.js';
import { commonPrefix, unwrapped } from './names/wrappers.js';

/** {@link importStateDict}'s choices beside core's. */
export interface ImportOptions extends Partial<ForeignOptions> {
  /** A map by its id instead of the one that the names tell. */
  readonly map?: string;
}

/** Weights of another program by our names and layouts, and how that came about. */
export interface ImportedWeights extends ForeignWeights {
  /** Id of the name map; null where none fits, and names stayed as they were. */
  readonly map: string | null;
}

/**
 * A state dict of torchvision, timm or mmdetection by our names and layouts. Which program it is of is told by the
 * names; those that no map knows stay as they are. Values are moved when they are read.
 *
 * Where a file leaves open what a model calls a tensor, `wanted` decides: FCOS' centerness on one tower or the other.
 * @throws KdError CHECKPOINT_INVALID when two names become one, or a prefix has to be chosen
 */
export function importStateDict(stateDict: NamedTensors, options: ImportOptions = {}): ImportedWeights {
  const { where = 'the checkpoint', rename = [], prefix, wanted } = options;
  if (stateDict.size > 0 && [...stateDict.keys()].every(isOurs)) return asTheyAre(stateDict);
  const meant = unwrapped(stateDict.keys(), { prefix, where });
  const names = renamed(meant.names, rename, where);
  const bareNames = new Map<string, string>();
  for (const [name, bare] of names) claim(bareNames, bare, name, where);
  const { found, plain } = findBehindPrefix(bareNames, commonPrefix([...meant.names.values()]));
  refuseWhole(plain, stateDict, where);
  const map = options.map === undefined ? found.map : nameMap(options.map);
  const translation: Translation =
    map === null
      ? { names: new Map(), ignored: [], unknown: [...plain.keys()].map((name) => ({ name, why: '' })) }
      : toOurNames(map, plain.keys());

  const chosen = new Map<string, string>();
  for (const [bare, candidates] of translation.names)
    claim(chosen, choose(candidates, wanted), plain.get(bare)!, where);
  for (const { name } of translation.unknown) {
    const bare = map === null ? name : current(map, name);
    claim(chosen, bare, plain.get(name)!, where);
  }
  const torch = new Map([...chosen].map(([ours, name]) => [ours, stateDict.get(name)!]));
  const rows = (name: string): number | undefined => torch.get(name)?.shape[0];
  const wantedRows = (name: string): number | undefined => {
    const [layer] = splitName(name);
    return (wanted?.get(`${layer}/kernel`) ?? wanted?.get(`${layer}/bias`))?.shape.at(-1);
  };
  const reorder = map?.backgroundLast === undefined ? null : backgroundFirst(map.backgroundLast, rows, wantedRows);
  const layout = fromTorchLayout(torch);
  const tensors = new Map<string, HostTensor>();
  const sources = new Map<string, string>();
  for (const [ours, tensor] of torch) {
    const [path, value] = asWanted(layout(ours, reorder === null ? tensor : reorder(ours, tensor)), wanted);
    tensors.set(path, value);
    sources.set(path, chosen.get(ours)!);
  }
  const inFile = ({ name, why }: LeftOut): LeftOut => ({ name: plain.get(name)!, why });
  return {
    map: map?.id ?? null,
    told: options.map === undefined ? found.why : `${map!.title}, as asked for`,
    detector: map?.detector ?? null,
    tensors,
    sources,
    ignored: [...meant.beside, ...translation.ignored.map(inFile)],
    foreign: translation.unknown.filter(({ why }) => why !== '').map(inFile),
    needs: map === null ? [] : needsOf(map, [...plain.keys()]),
  };
}

/**
 * The map, also where all names of the file lie below one name more (`encoder.conv1.weight`), and the names that it
 * knows. A rule may have taken some of them out of it.
 */
function findBehindPrefix(
  names: ReadonlyMap<string, string>,
  common: string,
): {
  readonly found: Pick<FoundMap, 'map' | 'why' | 'counts'>;
  readonly plain: ReadonlyMap<string, string>;
} {
  const found = findNameMap(names.keys());
  if (common === '' || ![...names.keys()].some((name) => name.startsWith(common))) return { found, plain: names };
  const plain = new Map<string, string>();
  for (const [name, source] of names) {
    const bare = name.startsWith(common) ? name.slice(common.length) : name;
    // Two names that become one: then the prefix means something.
    if (plain.has(bare)) return { found, plain: names };
    plain.set(bare, source);
  }
  const below = findNameMap(plain.keys());
  return below.map === null || below.counts.known <= found.counts.known
    ? { found, plain: names }
    : { found: { ...below, why: `${below.why} behind the prefix "${common}"` }, plain };
}

/** Our variables are `<layer>/<weight>`; torch's names have no slash, or more where a dict lies in another. */
const isOurs = (name: string): boolean => name.split('/').length === 2;
const asTheyAre = (tensors: NamedTensors): ImportedWeights => ({
  map: null,
  told: '@kd',
  detector: null,
  tensors,
  sources: new Map([...tensors.keys()].map((name) => [name, name])),
  ignored: [],
  foreign: [],
  needs: [],
});

/** Takes a name for a tensor of the file. */
function claim(names: Map<string, string>, name: string, source: string, where: string): void {
  const other = names.get(name);
  if (other !== undefined)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where}: the keys "${other}" and "${source}" are both ${name}. Remove one of them from the checkpoint, or choose by \`prefix\` or \`rename\`.`,
    );
  names.set(name, source);
}

/** The name that a model wants of those that a tensor may have, else the usual one. */
function choose([usual, ...others]: readonly string[], wanted: ImportOptions['wanted']): string {
  if (wanted === undefined || others.length === 0) return usual!;
  const hasLayer = (name: string): boolean =>
    [...wanted.keys()].some((path) => path.startsWith(`${splitName(name)[0]}/`));
  return [usual!, ...others].find(hasLayer) ?? usual!;
}

/**
 * A depthwise kernel [kh, kw, 1, c] as TensorFlow.js' own layers have it, `depthwise_kernel` [kh, kw, c, 1], where the
 * model has such a layer: the same values.
 */
function asWanted([path, tensor]: Named, wanted: ImportOptions['wanted']): Named {
  const depthwise = path.replace(/\/kernel$/, '/depthwise_kernel');
  const [height, width, own, channels] = tensor.shape;
  return depthwise !== path && own === 1 && wanted?.has(depthwise)
    ? [depthwise, reshaped(tensor, [height!, width!, channels!, 1])]
    : [path, tensor];
}

const needsOf = ({ needs = [] }: NameMap, names: readonly string[]): string[] =>
  needs
    .filter(
      ({ where, without }) =>
        (where === undefined || foundBy(where, names) !== undefined) &&
        (without === undefined || foundBy(without, names) === undefined),
    )
    .map(({ options }) => options);
