import type { Detector } from '@kd/core';
import type { ExportedModel } from '@kd/detect';

/** How an exported file and a run differ, so that times of the two are not of the same work; a line each. */
export function unlike(
  { detector: name, classes, input: { size, rule } }: ExportedModel,
  { name: ownName, categories, input: own }: Pick<Detector, 'name' | 'categories' | 'input'>,
): string[] {
  const what = (detector: string, count: number): string => `a ${detector} of ${count} classes`;
  const [file, run] = [what(name, classes.length), what(ownName, categories.length)];
  const sizes = [size === null ? sizeBy(rule) : size.join(' × '), sizeBy(own)] as const;
  return [
    ...(file === run ? [] : [`the file holds ${file}, the run ${run}: these are two models`]),
    ...(sizes[0] === sizes[1] ? [] : [`the file computes on images of ${sizes[0]}, the run on ${sizes[1]}`]),
  ];
}

const sizeBy = ({
  fixedSize,
  minSize,
  maxSize,
}: Pick<Detector['input'], 'fixedSize' | 'minSize' | 'maxSize'>): string =>
  fixedSize === null ? `short side ${minSize.at(-1)}, long side at most ${maxSize}` : fixedSize.join(' × ');
