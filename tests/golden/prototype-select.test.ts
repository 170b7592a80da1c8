import { buildLevel, densitiesOf, explain, selectPursuit, type SelectOptions } from '@kd/plugin-prototype';
import { beforeAll, describe, expect } from 'vitest';
import { startEngine } from './support/engine.js';
import {
  casesOf,
  describeGolden,
  expectClose,
  expectEqual,
  goldenTest,
  type GoldenTensors,
  oneOf,
  readWhole,
} from './support/index.js';

interface Params {
  readonly K: number;
  readonly lambda_: number;
  readonly normalize: boolean;
  readonly candidateFilter: 'none' | 'density';
  readonly densityBandwidth: number;
  readonly densityQuantile: number;
  readonly allowRepeat: boolean;
  readonly twinTolerance: number;
  readonly stopTolerance: number;
}

interface Case<P> {
  readonly id: string;
  readonly kind: string;
  readonly file: string;
  readonly params: P;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly expected: Readonly<Record<string, unknown>>;
  readonly tolerance: {
    readonly energiesRelativeToInitialEnergy: number;
    readonly coefficients: Bounds;
    readonly densities: Bounds;
  };
}

interface Bounds {
  readonly rtol: number;
  readonly atol: number;
}

type SelectionCase = Case<
  Params & {
    readonly initialEnergy: number;
    readonly stopped: 'k' | 'no-gain' | 'exhausted';
    readonly filterFallback: boolean;
  }
>;
type BankCase = Case<
  Params & {
    readonly levels: number;
    readonly classes: number;
    readonly counts: readonly number[];
    readonly filterFallback: readonly boolean[];
  }
>;

const STOPPED = { k: 'count', 'no-gain': 'gain', exhausted: 'exhausted' } as const;

const optionsOf = (params: Params): SelectOptions => ({
  count: params.K,
  similarity: params.lambda_,
  normalize: params.normalize,
  candidates: oneOf('candidateFilter', params.candidateFilter, ['none', 'density']) === 'density' ? 'density' : 'all',
  density: { bandwidth: params.densityBandwidth, quantile: params.densityQuantile },
  allowRepeat: params.allowRepeat,
  twinTolerance: params.twinTolerance,
  stopTolerance: params.stopTolerance,
});

const featuresOf = (tensors: GoldenTensors, teacherKey: string, studentKey: string) => {
  const [teacher, student] = [tensors.get(teacherKey), tensors.get(studentKey)];
  return {
    teacher: Float32Array.from(teacher.values),
    student: Float32Array.from(student.values),
    teacherChannels: teacher.shape[1]!,
    studentChannels: student.shape[1]!,
  };
};

const within = ({ rtol, atol }: Bounds, expected: ArrayLike<number>): number =>
  atol + rtol * Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describeGolden('prototype', (area) => {
  // The engine may have to set its library up first.
  beforeAll(async () => void (await startEngine()));
  const cases = casesOf<Case<unknown>>(area);

  describe('selection', () => {
    for (const one of cases.filter((each): each is SelectionCase => each.kind === 'selection')) {
      goldenTest('prototype', 'selection', one.id, () =>
        readWhole(
          one,
          async (one) => {
            const tensors = await area.tensors(one.file);
            expect(Object.keys(one.inputs).sort()).toEqual(['in.student', 'in.teacher']);
            const features = featuresOf(tensors, 'in.teacher', 'in.student');
            const options = optionsOf(one.params);
            const selection = await selectPursuit(features, options);
            const explanation = explain(features, selection.rows, options);
            const densities =
              one.expected['out.densityTeacher'] === undefined ? null : await densitiesOf(features, options);
            const { initialEnergy } = one.params;
            const energies = {
              stepObjective: selection.objective,
              totalObjective: selection.totalObjective,
              residualTeacher: selection.residualTeacher,
              residualStudent: selection.residualStudent,
              similarity: selection.similarity,
              gain: selection.gains,
            };
            const indices = { indices: selection.rows, candidates: selection.candidates };
            const bounded = {
              coeffTeacher: explanation.teacher,
              coeffStudent: explanation.student,
              ...(densities && { densityTeacher: densities.teacher, densityStudent: densities.student }),
            };
            const known = [...Object.keys(energies), ...Object.keys(indices), ...Object.keys(bounded)].map(
              (name) => `out.${name}`,
            );
            // Whatever the case expects is compared.
            expect(known).toEqual(expect.arrayContaining(Object.keys(one.expected)));

            for (const [name, actual] of Object.entries(indices))
              expectEqual(actual, tensors.get(`out.${name}`).values, name);
            const allowed = one.tolerance.energiesRelativeToInitialEnergy * initialEnergy;
            for (const [name, actual] of Object.entries(energies))
              expectClose(actual, tensors.get(`out.${name}`).values, allowed, name);
            for (const [name, actual] of Object.entries(bounded)) {
              const expected = tensors.get(`out.${name}`).values;
              expectClose(
                actual,
                expected,
                within(name.startsWith('density') ? one.tolerance.densities : one.tolerance.coefficients, expected),
                name,
              );
            }
            expect(Math.abs(selection.initialEnergy - initialEnergy)).toBeLessThanOrEqual(allowed);
            expect(selection.stopped).toBe(
              STOPPED[oneOf('stopped', one.params.stopped, ['k', 'no-gain', 'exhausted'])],
            );
            expect(selection.filterIgnored).toBe(one.params.filterFallback);
          },
          ['tolerance'],
        ),
      );
    }
  });

  describe('bank', () => {
    for (const one of cases.filter((each): each is BankCase => each.kind === 'bank')) {
      goldenTest('prototype', 'bank', one.id, () =>
        readWhole(
          one,
          async (one) => {
            const tensors = await area.tensors(one.file);
            const { params } = one;
            const numbers = Array.from({ length: params.levels }, (_, level) => level);
            const labels = tensors.get('in.labels').values;
            expect(Object.keys(one.inputs).sort()).toEqual(
              ['in.labels', ...numbers.flatMap((level) => [`in.teacher${level}`, `in.student${level}`])].sort(),
            );
            const count = (label: number): number => Array.from(labels).filter((one) => one === label).length;
            expect(params.counts).toEqual(Array.from({ length: params.classes }, (_, label) => count(label)));
            const compared: string[] = [];
            const ignored: boolean[][] = [];
            for (const level of numbers) {
              const features = featuresOf(tensors, `in.teacher${level}`, `in.student${level}`);
              const bank = await buildLevel({ ...features, labels }, { ...optionsOf(params), classes: params.classes });
              const offsets = tensors.get(`out.offsets${level}`).values;
              expectEqual(bank.rows, tensors.get(`out.indices${level}`).values, `indices${level}`);
              expectEqual(bank.offsets, offsets, `offsets${level}`);
              expectEqual(bank.teacher, tensors.get(`out.protoTeacher${level}`).values, `protoTeacher${level}`);
              expectEqual(bank.student, tensors.get(`out.protoStudent${level}`).values, `protoStudent${level}`);
              const objective = tensors.get(`out.stepObjective${level}`).values;
              for (const [label, count] of params.counts.entries()) {
                const [from, to] = [offsets[label]!, offsets[label + 1]!];
                expectClose(
                  bank.objective.subarray(from, to),
                  objective.subarray(from, to),
                  one.tolerance.energiesRelativeToInitialEnergy * 2 * count,
                  `stepObjective${level} of class ${label}`,
                );
              }
              compared.push(
                ...['indices', 'offsets', 'protoTeacher', 'protoStudent', 'stepObjective'].map(
                  (name) => `out.${name}${level}`,
                ),
              );
              ignored.push(bank.classes.map(({ filterIgnored }) => filterIgnored));
            }
            expect(compared.sort()).toEqual(Object.keys(one.expected).sort());
            expect(ignored.flat()).toEqual(params.filterFallback);
          },
          ['tolerance'],
        ),
      );
    }
  });
});
