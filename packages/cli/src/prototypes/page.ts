import { escape } from '@kd/report';
import type { Bank, BankLevel } from './bank.js';
import type { Crop } from './crops.js';
import { STYLE } from './style.js';

export interface Page {
  readonly bank: Bank;
  readonly plugin: string;
  readonly run: string;
  /** Per level and prototype, the instances to show beside it. */
  readonly explained: readonly (readonly (readonly number[])[])[];
  /** By row of the instances. */
  readonly crops: ReadonlyMap<number, Crop>;
  /** Labels of the classes to show. */
  readonly labels: readonly number[];
}

/** The bank as one HTML page that needs no other file. Every name in it comes from data and is escaped. */
export function prototypesPage(page: Page): string {
  const {
    bank: { info },
    plugin,
    run,
    crops,
    labels,
  } = page;
  const title = `Prototypes of ${run}`;
  const facts = [
    `distiller ${plugin}`,
    `made at step ${info.step}, epoch ${info.epoch}`,
    `selection ${info.select}`,
    `at most ${info.count} a class and level`,
  ];
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title>
<style>${STYLE}
${[...crops].map(([row, { width, height, uri }]) => `.c${row}{width:${width}px;height:${height}px;background-image:url(${uri})}`).join('\n')}</style>
<header><h1>${escape(title)}</h1><p>${facts.map(escape).join(' · ')}</p></header>
<nav><table><tr><th>class</th><th>images</th><th>instances</th>${info.levels.map(({ stride }) => `<th>stride ${Number(stride)}</th>`).join('')}</tr>
${labels.map((label) => summaryRow(page, label)).join('\n')}</table></nav>
<p class="how">In the order of selection. Gain: the part of the class's energy, in both models' features, that the choice removed; the first one takes what all instances of the class have in common, and is usually by far the largest. An instance belongs to the prototype that it is nearest to by cosine, the mean of both models'. Beside each prototype: how many instances of the class on this level belong to it, and the nearest of them with their cosines.</p>
${labels.map((label) => classSection(page, label)).join('\n')}
</html>
`;
}

const NOTHING = 'no instance, no prototype';

const chosen = ({ offsets }: BankLevel, label: number): number => offsets[label + 1]! - offsets[label]!;

function summaryRow({ bank: { info, levels } }: Page, label: number): string {
  const { images, instances } = info.sampled[label]!;
  return `<tr><td><a href="#class-${label}">${escape(info.classes[label]!)}</a></td><td>${Number(images)}</td><td>${Number(instances)}</td>${levels.map((level) => `<td>${chosen(level, label)}</td>`).join('')}</tr>`;
}

function classSection(page: Page, label: number): string {
  const { info, levels } = page.bank;
  const parts = levels.some((level) => chosen(level, label) > 0)
    ? levels.map((_, l) => levelPart(page, label, l)).join('\n')
    : `<p>${NOTHING}</p>`;
  return `<section id="class-${label}"><h2>${escape(info.classes[label]!)}</h2>
${parts}</section>`;
}

function levelPart(page: Page, label: number, l: number): string {
  const { info, levels } = page.bank;
  const { tap, stride, classes } = info.levels[l]!;
  const { source, dropped, filterIgnored } = classes[label]!;
  const level = levels[l]!;
  const notes = [
    ...(source === 'chosen' ? [] : [source === 'kept' ? 'kept from the bank before: no instance now' : NOTHING]),
    ...(dropped > 0
      ? [`${Number(dropped)} ${dropped === 1 ? 'instance' : 'instances'} without a finite feature left out`]
      : []),
    ...(filterIgnored ? ['too few candidates passed the filter by density, so that it was not used'] : []),
  ];
  const rows = Array.from({ length: chosen(level, label) }, (_, i) => level.offsets[label]! + i);
  return `<h3>${escape(tap)} <small>stride ${Number(stride)}${notes.map((note) => ` · ${note}`).join('')}</small></h3>
<ol>${rows.map((row) => prototype(page, l, label, row)).join('')}</ol>`;
}

function prototype({ bank, explained, crops }: Page, l: number, label: number, row: number): string {
  const { gain, energy, instance, explained: counts, offsets, cosine } = bank.levels[l]!;
  const kept = bank.info.levels[l]!.classes[label]!.source === 'kept';
  const part = energy[label]! > 0 ? gain[row]! / energy[label]! : 0;
  const count = counts[row]!;
  const all = counts.subarray(offsets[label]!, offsets[label + 1]!).reduce((sum, own) => sum + own, 0);
  return `<li>${picture(bank, crops, instance[row]!)}<div><b>${kept ? 'kept' : `gain ${percent(part)}`}</b>${kept ? '' : `<meter value="${Math.max(0, Math.min(1, part)).toFixed(4)}"></meter>`}
<p>image ${escape(place(bank, instance[row]!))}</p>${kept ? '' : `<p>nearest to ${count} of ${all} instances${all > 0 ? ` (${percent(count / all)})` : ''}</p>`}
<div class="explained">${explained[l]![row]!.map((other) => `<figure>${picture(bank, crops, other)}<figcaption>${cosine[other]!.toFixed(2)}</figcaption></figure>`).join('')}</div></div></li>`;
}

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

const boxText = ({ instances }: Bank, row: number): string =>
  `[${Array.from(instances.box.subarray(4 * row, 4 * row + 4), (value) => Number(value.toFixed(1))).join(', ')}]`;
const place = (bank: Bank, row: number): string =>
  `${bank.info.images[bank.instances.image[row]!]!}, box ${boxText(bank, row)}`;

function picture(bank: Bank, crops: Page['crops'], row: number): string {
  const text = escape(`${bank.info.classes[bank.instances.label[row]!]!}: image ${place(bank, row)}`);
  return crops.has(row) ? `<i class="c${row}" role="img" aria-label="${text}" title="${text}"></i>` : '';
}
