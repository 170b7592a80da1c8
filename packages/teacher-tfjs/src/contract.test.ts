import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testTeacher } from '@kd/testing';
import { afterAll, beforeAll } from 'vitest';
import { namedEngine } from '../../../tests/named-engine.js';
import { writeGraph, writeLayers } from '../test/models.js';
import { tfjs } from './teacher.js';

const engine = await namedEngine();
const folder = mkdtempSync(join(tmpdir(), 'kd-tfjs-'));
beforeAll(async () => {
  await engine.start();
  await writeGraph(join(folder, 'graph'));
  await writeLayers(join(folder, 'layers'));
});
afterAll(() => rmSync(folder, { recursive: true }));

for (const model of ['graph', 'layers'])
  testTeacher(tfjs, {
    engine,
    folder,
    options: { model, input: { fixedSize: [48, 32], mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] } },
  });
