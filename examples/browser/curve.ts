import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** What a class is drawn in, in the light or the dark scheme. */
const colourOf = (name: string) => (): string => {
  const probe = document.body.appendChild(Object.assign(document.createElement('i'), { className: name }));
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
};

/** Loss terms by step, on a logarithmic axis, since they differ by a factor of ten; the legend has the newest. */
export class Curve {
  readonly #place = document.createElement('div');
  readonly #steps: number;
  readonly #data: [steps: number[], ...terms: number[][]] = [[]];
  #plot: uPlot | undefined;

  constructor(place: Element, steps: number) {
    place.replaceChildren(this.#place);
    this.#steps = steps;
  }

  add(step: number, terms: Readonly<Record<string, number>>): void {
    this.#plot ??= this.#open(Object.keys(terms));
    [step, ...Object.values(terms)].forEach((value, i) => (this.#data[i] ??= []).push(value));
    this.#plot.setData(this.#data);
  }

  #open(names: readonly string[]): uPlot {
    const axis = { stroke: colourOf('soft'), grid: { stroke: colourOf('edge'), width: 1 } };
    const newest = (of: uPlot, _: number, i: number): string => of.data[i]?.at(-1)?.toFixed(i === 0 ? 0 : 3) ?? '';
    const size = () => ({ width: this.#place.clientWidth, height: Math.round(this.#place.clientWidth / 1.6) });
    const plot = new uPlot(
      {
        ...size(),
        cursor: { show: false },
        scales: { x: { time: false, range: [0, this.#steps] }, y: { distr: 3 } },
        axes: [{ ...axis, grid: { show: false } }, axis],
        series: [
          { label: 'step', value: newest },
          ...names.map((label, i) => ({ label, stroke: colourOf(`term-${i}`), width: 2, value: newest })),
        ],
      },
      this.#data,
      this.#place,
    );
    new ResizeObserver(() => plot.setSize(size())).observe(this.#place);
    return plot;
  }
}
