import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pyramid } from '../../packages/teacher-onnx/test/graphs.js';
import { ENGINE } from '../named-engine.js';
import { config, kd, temporaryFolder } from './kd.js';
import { loggedTerms } from './page-code.js';

describe('a file of ONNX as the teacher', () => {
  test('is planned and teaches; a run goes on with that file alone', async () => {
    const folder = temporaryFolder();
    const model = join(folder, 'model.onnx');
    copyFileSync(pyramid(['b', 3, 64, 64]), model);
    const env = { KD_E2E_ONNX: model };

    const plan = await kd(['plan', config('onnx.config.ts')], { env });
    expect(plan.code, plan.stderr).toBe(0);
    expect(plan.stdout).toMatch(/teacher: onnx, @kd\/teacher-onnx/);
    expect(plan.stdout).toMatch(/8, paired +neck@p3 +\[4, 8, 8, 16\] +c3 +\[4, 8, 8, 8\]/);

    expect(plan.stdout).toMatch(
      ENGINE === 'tensorflow' ? /\ncompiled {3}in [\d.]+ s, first runs included\n/ : /\ncompiled {3}no: /,
    );

    const out = join(folder, 'student');
    const { code, stderr } = await kd(['train', config('onnx.config.ts'), '--out', out], { env });
    expect(code, stderr).toBe(0);
    for (const step of loggedTerms(out)) expect(step['pkd.feat']).toBeGreaterThan(1e-6);

    // Its maps are inputs of the compiled step: others in every batch.
    const plain = join(folder, 'plain');
    const opByOp = await kd(['train', config('onnx.config.ts'), '--set', 'compile=false', '--out', plain], { env });
    expect(opByOp.code, opByOp.stderr).toBe(0);
    const [compiledTerms, plainTerms] = [loggedTerms(out), loggedTerms(plain)];
    expect(compiledTerms.length).toBeGreaterThan(1);
    compiledTerms.forEach((terms, i) => {
      expect(Object.keys(terms)).toEqual(Object.keys(plainTerms[i]!));
      for (const [name, value] of Object.entries(terms))
        expect(Math.abs(value / plainTerms[i]![name]! - 1), `${name}, line ${i}`).toBeLessThan(1e-3);
    });

    // No boxes of it, and its maps beside the student's.
    const page = join(folder, 'page.html');
    const report = await kd(['report', out, '--out', page], { env });
    expect(report.code, report.stderr).toBe(0);
    const shown = readFileSync(page, 'utf8');
    expect(shown).toContain('gives features alone and no boxes');
    expect(shown).toMatch(/teacher c3<.*student neck@p3, stride 8</s);
    expect(shown).toContain('teacher: onnx, @kd/teacher-onnx');

    copyFileSync(pyramid(['batch', 3, 64, 64]), model);
    rmSync(join(out, 'summary.json'));
    const other = await kd(['train', config('onnx.config.ts'), '--out', out, '--resume'], { env });
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringMatching(/was trained with teacher\S* "\w+", the config gives "\w+"/),
    ]);
  });

  test('that is not there, or no ONNX, is one error', async () => {
    const { code, stderr } = await kd(['plan', config('onnx.config.ts')], { env: { KD_E2E_ONNX: '/nowhere/a.onnx' } });
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^error \[TEACHER_INVALID\] .*ENOENT.*Check the path/),
    ]);
  });
});
