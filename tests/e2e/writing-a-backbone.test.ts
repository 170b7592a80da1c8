import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors } from '@kd/weights';
import { testBackbone } from '@kd/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { loaded } from './configs/loaded.js';
import plain from './configs/plain.js';
import { config, kd, kdProcess, temporaryFolder } from './kd.js';
import { codeOf, loggedTerms, shownCode, testStandsInFiles } from './page-code.js';

testBackbone(plain, { options: { width: 2 } });

testBackbone(loaded, { norms: ['frozen'] });

const PAGE = 'docs/writing-a-backbone.md';

describe(PAGE, () => {
  test('has the backbones that are tested above, whole', () => {
    expect(codeOf(PAGE, 'ts')[0]!.code).toBe(shownCode('plain.ts'));
    expect(codeOf(PAGE, 'ts').map(({ code }) => code)).toContain(shownCode('loaded.ts'));
  });

  testStandsInFiles(PAGE, [
    config('plain.ts'),
    config('loaded.ts'),
    config('plain-shown.config.ts'),
    fileURLToPath(import.meta.url),
  ]);
});

describe('a backbone that no package declares', () => {
  const teacher = join(temporaryFolder(), 'teacher');
  /** Op by op: a compiled step is over before a signal comes. */
  // Eight steps: a signal behind the first comes before the last.
  const plainRun = [config('plain.config.ts'), '--epochs', '4', '--seed', '1', '--set', 'compile=false'];
  beforeAll(async () => {
    const { code, stderr } = await kd(['train', ...plainRun, '--out', teacher]);
    expect(code, stderr).toBe(0);
  });

  test('trains, and its stages stand in the checkpoint under their names', async () => {
    const { tensors, metadata } = await readSafetensors(join(teacher, 'checkpoints/best.safetensors'));
    expect([...tensors.keys()]).toContain('student/backbone.body.stage4.conv/kernel');
    expect(JSON.parse(metadata['detector']!)).toMatchObject({ options: { backbone: ['plain', { width: 4 }] } });
    expect(JSON.parse(readFileSync(join(teacher, 'config.json'), 'utf8'))).toMatchObject({
      student: ['retinanet', { backbone: ['plain', { width: 4 }], trainableLayers: 5, frozenBnEps: 1e-5 }],
    });
  });

  test('is measured from its run folder, with the config that brings it', async () => {
    const { code, stdout, stderr } = await kd(['eval', teacher, '--json']);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toHaveProperty('metrics');
  });

  test('goes on where it was stopped, with the config that brings it, and ends with the same tensors', async () => {
    const out = join(temporaryFolder(), 'stopped');
    const words = ['train', ...plainRun, '--out', out];
    let sent = false;
    const stopped = await kdProcess(words, {
      onStderr: (text, kill) => {
        if (sent || !text.includes('step 1/8')) return;
        sent = true;
        kill('SIGINT');
      },
    });
    expect(stopped.code, stopped.stderr).toBe(130);
    const step = /stopped after step ([1-7]);/.exec(stopped.stderr)?.[1];
    expect(step, stopped.stderr).toBeDefined();
    const { code, stderr } = await kd(['train', '--resume', out]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`going on after step ${step}`);
    const [whole, parts] = await Promise.all(
      [teacher, out].map((folder) => readSafetensors(join(folder, 'checkpoints/step-00000008.safetensors'))),
    );
    expect([...parts!.tensors.keys()]).toContain('student/backbone.body.stage4.conv/kernel');
    expect(parts!.tensors).toEqual(whole!.tensors);
  });

  test('teaches another one of its kind, named by the checkpoint alone', async () => {
    const out = join(temporaryFolder(), 'student');
    const { code, stderr } = await kd(['train', config('plain.config.ts'), '--out', out], {
      env: { KD_E2E_TEACHER: teacher },
    });
    expect(code, stderr).toBe(0);
    for (const step of loggedTerms(out)) expect(step['pkd.feat']).toBeGreaterThan(1e-6);
  });
});
