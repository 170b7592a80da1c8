import { expect, it } from 'vitest';
import { leanRecord } from './lean-record.js';

it('is a record like any other, whose annotations are made when they are asked for', () => {
  const asked: number[] = [];
  const annotation = { id: 4, box: [1, 2, 3, 4] as const, label: 0, area: 4, ignore: false };
  const fields = { file: 'a.png', width: 20, height: 10, id: 'a' };
  const record = leanRecord(fields, 7, (place) => {
    asked.push(place);
    return [annotation];
  });
  expect(asked).toEqual([]);
  const plain = { ...fields, annotations: [annotation] };
  expect(record.annotations).toEqual([annotation]);
  expect(asked).toEqual([7]);
  expect({ ...record }).toEqual(plain);
  expect(structuredClone(record)).toEqual(plain);
  expect(JSON.stringify(record)).toBe(JSON.stringify(plain));
  expect(record).toEqual(plain);
});
