/** A series by the name of its loss term. */
type Points = readonly (readonly [step: number, value: number])[];

const SIZE = { width: 480, height: 300, left: 34, right: 8, top: 8, bottom: 24 };
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10];

const tag = (name: string, attributes: Readonly<Record<string, string | number>>, text = ''): string =>
  `<${name} ${Object.entries(attributes)
    .map(([key, value]) => `${key}="${value}"`)
    .join(' ')}>${text}</${name}>`;

/** Draws loss terms by step, on a logarithmic axis, since they differ by a factor of ten. */
export class Curve {
  readonly #svg: Element;
  readonly #legend: Element;
  readonly #steps: number;
  readonly #series = new Map<string, [number, number][]>();

  constructor(svg: Element, legend: Element, steps: number) {
    this.#svg = svg;
    this.#legend = legend;
    this.#steps = steps;
    svg.setAttribute('viewBox', `0 0 ${SIZE.width} ${SIZE.height}`);
    this.#draw();
  }

  add(step: number, terms: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(terms)) {
      if (!this.#series.has(name)) this.#series.set(name, []);
      this.#series.get(name)!.push([step, value]);
    }
    this.#draw();
  }

  #draw(): void {
    const { width, height, left, right, top, bottom } = SIZE;
    const values = [...this.#series.values()].flat().map(([, value]) => value);
    const [low, high] = [Math.min(0.5, ...values) * 0.9, Math.max(2, ...values) * 1.1].map(Math.log) as [
      number,
      number,
    ];
    const x = (step: number): number => left + (step / this.#steps) * (width - left - right);
    const y = (value: number): number => top + ((high - Math.log(value)) / (high - low)) * (height - top - bottom);
    const line = (points: Points, i: number): string =>
      tag('polyline', {
        class: `line term-${i}`,
        points: points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' '),
      });
    const ticks = TICKS.filter((value) => Math.log(value) > low && Math.log(value) < high);
    this.#svg.innerHTML = [
      ...ticks.flatMap((value) => [
        tag('line', { class: 'grid', x1: left, x2: width - right, y1: y(value), y2: y(value) }),
        tag('text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end' }, String(value)),
      ]),
      ...[0, this.#steps / 2, this.#steps].map((step) =>
        tag(
          'text',
          { x: x(step), y: height - 6, 'text-anchor': step === 0 ? 'start' : step === this.#steps ? 'end' : 'middle' },
          step === this.#steps ? `step ${step}` : String(step),
        ),
      ),
      ...[...this.#series.values()].map(line),
    ].join('');
    this.#legend.innerHTML = [...this.#series]
      .map(([name, points], i) => tag('li', { class: `term-${i}` }, `${name} <b>${points.at(-1)![1].toFixed(3)}</b>`))
      .join('');
  }
}
