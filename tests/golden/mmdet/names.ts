import type { HostTensor, NamedTensors } from '@kd/core';
import { fromTorchvision, toTorchvision } from '@kd/weights';

type Rule = readonly [mmdet: RegExp, ours: (...found: string[]) => string];

/** mmdetection's names and torchvision's. */
const RULES: readonly Rule[] = [
  [/^backbone\.(.+)$/, (_, rest) => `backbone.body.${rest}`],
  [/^neck\.lateral_convs\.(\d+)\.conv\.(.+)$/, (_, i, leaf) => `backbone.fpn.inner_blocks.${i}.0.${leaf}`],
];

/** State dicts of one case, both ways. */
export interface Names {
  /** The case's weights under our names and in our layout. */
  readonly ours: ReadonlyMap<string, HostTensor>;
  /** Our variables, or their gradients, under mmdetection's names and in its layout. */
  toMmdet(tensors: NamedTensors): Map<string, HostTensor>;
}

/** @param levels stages that the pyramid reads */
export function namesOf(
  stateDict: NamedTensors,
  { levels, fcos, centerness }: { levels: number; fcos: boolean; centerness: 'cls' | 'reg' },
): Names {
  const tower = { cls: 'head.classification_head', reg: 'head.regression_head' } as const;
  const rules: Rule[] = [
    ...RULES,
    [
      /^neck\.fpn_convs\.(\d+)\.conv\.(.+)$/,
      (_, i, leaf) =>
        Number(i) < levels
          ? `backbone.fpn.layer_blocks.${i}.0.${leaf}`
          : `backbone.fpn.extra_blocks.p${Number(i) - levels + 6}.${leaf}`,
    ],
    [
      /^bbox_head\.(cls|reg)_convs\.(\d+)\.(conv|gn)\.(.+)$/,
      (_, of, i, kind, leaf) => {
        const place = kind === 'conv' ? 0 : 1;
        return `${tower[of as 'cls']}.conv.${fcos ? 3 * Number(i) + place : `${i}.${place}`}.${leaf}`;
      },
    ],
    [/^bbox_head\.(?:retina|atss|gfl|conv)_cls\.(.+)$/, (_, leaf) => `${tower.cls}.cls_logits.${leaf}`],
    [/^bbox_head\.(?:retina|atss|gfl|conv)_reg\.(.+)$/, (_, leaf) => `${tower.reg}.bbox_reg.${leaf}`],
    [/^bbox_head\.(?:atss|conv)_centerness\.(.+)$/, (_, leaf) => `${tower[centerness]}.bbox_ctrness.${leaf}`],
    [/^bbox_head\.scales\.(\d+)\.scale$/, (_, i) => `${tower.reg}.scales.${i}.scale`],
  ];
  const theirs = new Map<string, string>();
  const named = new Map<string, HostTensor>();
  for (const [key, tensor] of stateDict) {
    if (key.endsWith('.num_batches_tracked') || key === 'bbox_head.integral.project') continue;
    const rule = rules.find(([pattern]) => pattern.test(key));
    if (rule === undefined) throw new Error(`no name of ours for "${key}"`);
    const name = rule[1](...rule[0].exec(key)!);
    theirs.set(name, key);
    named.set(name, tensor);
  }
  return {
    ours: fromTorchvision(named),
    toMmdet: (tensors) =>
      new Map([...toTorchvision(tensors)].map(([name, tensor]) => [theirs.get(name) ?? name, tensor])),
  };
}
