/**
 * Key names of torchvision's detectors: what older versions and wrappers called a parameter, in the names of
 * torchvision 0.13 and later.
 * Ranks are needed because two detectors use `conv.{i}` in their heads for different things.
 */

/** The current name of each key that is worth having; keys that are dropped are absent. */
export function currentNames(ranks: ReadonlyMap<string, number>): Map<string, string> {
  const stripped = new Map([...ranks].map(([key, rank]) => [key, { name: key.replace(/^(module\.)+/, ''), rank }]));
  const names = [...stripped.values()];
  const classification = isClassification(names.map(({ name }) => name));
  const oldHeads = oldHeadPrefixes(names);

  const result = new Map<string, string>();
  for (const [key, { name }] of stripped) {
    if (name.endsWith('.num_batches_tracked')) continue;
    if (classification && /^fc\.(weight|bias)$/.test(name)) continue;
    result.set(key, classification ? `backbone.body.${name}` : renameOld(name, oldHeads));
  }
  return result;
}

/** A ResNet classifier: `conv1`, `layer1.0…` and `fc` at the top instead of below `backbone.body`. */
const isClassification = (names: readonly string[]): boolean =>
  names.includes('conv1.weight') &&
  names.some((name) => name.startsWith('layer1.')) &&
  !names.some((name) => name.startsWith('backbone.'));

const HEAD = /^(head\.(?:classification|regression)_head\.conv\.)(\d+)\.(weight|bias)$/;

function renameOld(name: string, oldHeads: ReadonlySet<string>): string {
  const head = HEAD.exec(name);
  if (head !== null && oldHeads.has(head[1]!)) return `${head[1]}${Number(head[2]) / 2}.0.${head[3]}`;
  return name
    .replace(/^(backbone\.fpn\.(?:inner|layer)_blocks\.\d+)\.(weight|bias)$/, '$1.0.$2')
    .replace(/^rpn\.head\.conv\.(weight|bias)$/, 'rpn.head.conv.0.0.$1');
}

/**
 * Heads whose convolutions are `conv.0`, `conv.2`, …: RetinaNet before 0.13, with a ReLU between two of them. FCOS
 * numbers them in
 * threes with a group norm (a weight of rank 1) behind each, and keeps those names.
 */
function oldHeadPrefixes(names: readonly { readonly name: string; readonly rank: number }[]): Set<string> {
  const old = new Map<string, boolean>();
  for (const { name, rank } of names) {
    const match = HEAD.exec(name);
    if (match === null) continue;
    const fits = Number(match[2]) % 2 === 0 && (match[3] === 'bias' || rank === 4);
    old.set(match[1]!, (old.get(match[1]!) ?? true) && fits);
  }
  return new Set([...old].filter(([, fits]) => fits).map(([prefix]) => prefix));
}
