import { describe, expect, it } from 'vitest';
import { matchClasses, sharedClasses } from './class-match.js';

const of = (...names: string[]) => ({ categories: names.map((name, id) => ({ id, name })) });
const match = (student: readonly string[], teacher: readonly string[], map?: Record<string, string>) =>
  matchClasses({ student: of(...student), teacher: of(...teacher) }, map);

describe('classes that two models share', () => {
  it.each([
    ['all of them', ['a', 'b'], ['a', 'b'], undefined, [true, [0, 1], [0, 1]]],
    ['in another order', ['a', 'b'], ['b', 'a'], undefined, [false, [0, 1], [1, 0]]],
    ['some', ['a', 'b', 'c'], ['x', 'c', 'a'], undefined, [false, [0, 2], [2, 1]]],
    ['one more of the teacher', ['a'], ['a', 'b'], undefined, [false, [0], [0]]],
    ['by a map', ['pedestrian', 'car'], ['person', 'car'], { person: 'pedestrian' }, [true, [0, 1], [0, 1]]],
    ['by a map that takes a name over', ['a', 'b'], ['b', 'x'], { x: 'b' }, [false, [1], [1]]],
    ['of a list with empty places', ['b', 'a'], ['N/A', 'a', 'N/A', 'b'], undefined, [false, [0, 1], [3, 1]]],
    ['none', ['a'], ['b'], undefined, [false, [], []]],
  ] as const)('%s', (_, student, teacher, map, [same, own, theirs]) =>
    expect(match(student, teacher, map)).toEqual({ same, student: own, teacher: theirs }),
  );

  it.each([
    [{ persn: 'a' }, /"persn" is no class of the teacher; did you mean "person"\?/],
    [{ person: 'bicycle' }, /"bicycle" is no class of the data; there are a, b\. Write \{ "a class of the teacher"/],
    [{ person: 'a', dog: 'a' }, /two of them stand for "a"/],
  ])('are refused for the map %j', (map, message) =>
    expect(() => match(['a', 'b'], ['person', 'dog'], map as Record<string, string>)).toThrow(message),
  );

  it('are told with what is left out', () => {
    const said: string[] = [];
    const models = { student: of('a', 'b'), teacher: of('x', 'c') } as never as Parameters<typeof sharedClasses>[0];
    const classes = matchClasses(models, { x: 'a' });
    const logger = { info: (line: string) => void said.push(line), warn: () => {} };
    expect(sharedClasses({ ...models, id: 'kd', classes, logger })).toBe(classes);
    expect(said).toEqual([
      'kd: works on 1 class that teacher and student share: a (x of the teacher); left out of the student: b; of the teacher: c.',
    ]);
  });
});
