import type { Detector, ExportedModel } from '@kd/core';

/**
 * What an exported model takes, and how images become that.
 * @param other what `--size` may be instead
 */
export function inputLine(
  { input }: ExportedModel,
  detector: Pick<Detector, 'input'>,
  other = '--size takes another size, dynamic any',
): string {
  const { layout, dtype, size, batch, rule } = input;
  const sides = size ? size.join(', ') : `h, w: multiples of ${rule.sizeDivisible}`;
  const shape = layout === 'nhwc' ? `[${batch ?? 'n'}, ${sides}, 3]` : `[${batch ?? 'n'}, 3, ${sides}]`;
  return `input: images ${shape} ${dtype}, RGB from 0 to 255, ${resizing(rule, size, other)}${otherSize(rule, detector.input)}`;
}

function resizing(
  { fixedSize, minSize, maxSize }: ExportedModel['input']['rule'],
  size: unknown,
  other: string,
): string {
  if (fixedSize) return `stretched to ${fixedSize.join(' × ')}${size ? '' : ', the rest filled up'}`;
  const rule = `short side ${minSize.at(-1)}, long side at most ${maxSize}`;
  return `${rule}; the rest at the right and the bottom filled up${size ? ` (${other})` : ''}`;
}

/** Objects of another size than the student has learned are not what its figures speak of. */
const otherSize = ({ fixedSize }: ExportedModel['input']['rule'], own: Detector['input']): string =>
  own.fixedSize === null || fixedSize === null || own.fixedSize.join() === fixedSize.join()
    ? ''
    : `; the run stretched them to ${own.fixedSize.join(' × ')}: what it finds at this size was not measured`;
