import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** The short form of `node scripts/mutate.mjs --count 5000`. */
test('damaged files and odd configs end in one clear error, or are read as what they are', async () => {
  const script = join(import.meta.dirname, '../../scripts/mutate.mjs');
  const { code, out, err } = await new Promise<{ code: unknown; out: string; err: string }>((done) =>
    execFile(process.execPath, [script, '--count', '100', '--seed', '11'], (error, out, err) =>
      done({ code: error?.code ?? 0, out, err }),
    ),
  );
  expect({ code, found: err.split('\n').filter((line) => line.startsWith('FOUND')) }).toEqual({ code: 0, found: [] });
  const { outcomes } = JSON.parse(out.slice(out.indexOf('{'))) as {
    outcomes: Readonly<Record<string, { readonly read: number; readonly refused: number }>>;
  };
  // Every kind was reached, damage was refused, and not everything was.
  expect(Object.keys(outcomes).sort()).toEqual([
    'bank',
    'coco',
    'config',
    'csv',
    'image',
    'labelme',
    'list',
    'manifest',
    'run',
    'torch',
    'voc',
    'weights',
    'yolo',
  ]);
  const sum = (which: 'read' | 'refused'): number => Object.values(outcomes).reduce((all, one) => all + one[which], 0);
  expect(sum('read') + sum('refused')).toBe(100);
  expect(Math.min(sum('read'), sum('refused'))).toBeGreaterThan(20);
});
