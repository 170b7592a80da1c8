import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readSafetensors, toTorchvision, writeSafetensors } from '@kd/weights';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { ENGINE } from '../named-engine.js';
import { bin, config, kd, kdProcess, type Result, root, temporaryFolder } from './kd.js';
import { legacyCheckpoint } from './torch-file.js';

interface Summary {
  readonly metrics: Record<string, number>;
  readonly seed: number;
  readonly minutes: number;
  readonly steps: number;
  readonly command: string;
}
const json = <T>(...path: string[]): T => JSON.parse(readFileSync(join(...path), 'utf8')) as T;
const lines = (run: string): { type: string; step: number; terms: Record<string, number> }[] =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as never);

/** 18 compiled steps, an evaluation and a checkpoint every 6, images from a worker. */
const options = ['--epochs', '3', '--seed', '5', '--set', 'data.workers=1', '--set', 'compile=true'];
const run = join(temporaryFolder(), 'alone');
let trained: Result;

beforeAll(async () => {
  trained = await kdProcess(['train', config('alone.config.ts'), '--out', run, '--profile', '4', ...options]);
});

describe('kd train', () => {
  test('--profile tells where the time of the first steps goes, and leaves a trace of them', () => {
    expect(trained.stderr).toMatch(/steps 3 to 4: [\d.]+ ms each.*\n +part +ms +share\n/);
    // Compiled or not, there are the same parts.
    for (const part of ['student forward', 'detection losses', 'backward', 'optimiser'])
      expect(trained.stderr).toMatch(new RegExp(`\\n +${part} +[\\d.]+ +\\d+ %\\n`));
    const { traceEvents } = json<{ traceEvents: { name: string; ph: string }[] }>(run, 'trace.json');
    const steps = traceEvents.filter(({ name, ph }) => ph === 'X' && name.startsWith('step ')).map(({ name }) => name);
    expect(steps).toEqual(['step 1', 'step 2', 'step 3', 'step 4']);
    expect(json<{ warmUp: number }>(run, 'profile.json').warmUp).toBe(2);
  });

  test('leaves summary, config, metrics and checkpoints, and tells plain lines where there is no terminal', () => {
    expect(trained.stderr).toMatch(
      /epoch 2\/3 {2}step 8\/18 {2}loss .*classification .*lr .*images\/s {2}waited \d+ % {2}\d+ MiB {2}.* left\n/,
    );
    expect(trained.stderr).not.toContain('\u001b');
    expect(trained.code).toBe(0);
    const summary = json<Summary>(run, 'summary.json');
    expect(summary).toMatchObject({
      seed: 5,
      steps: 18,
      metrics: { AP: expect.any(Number) as number, AP50: expect.any(Number) as number },
    });
    expect(summary.minutes).toBeGreaterThan(0);
    expect(summary.command).toContain('kd train');
    expect(trained.stdout).toContain('report.html');
    const page = readFileSync(join(run, 'report.html'), 'utf8');
    for (const part of ['speckled-ring', 'data:image/jpeg', 'kd report opens it']) expect(page).toContain(part);
    expect(json(run, 'config.json')).toMatchObject({
      seed: 5,
      epochs: 3,
      engine: ENGINE,
      student: ['retinanet', {}],
      data: { train: { format: 'synthetic' } },
    });
    expect(lines(run).map(({ type, step }) => `${type} ${step}`)).toEqual([
      'log 2',
      'log 4',
      'log 6',
      'evaluation 6',
      'log 8',
      'log 10',
      'log 12',
      'evaluation 12',
      'log 14',
      'log 16',
      'log 18',
      'evaluation 18',
    ]);
    expect(readdirSync(join(run, 'checkpoints')).sort()).toEqual([
      'best.safetensors',
      'step-00000012.safetensors',
      'step-00000018.safetensors',
    ]);
  });

  test('will not write over a run, nor resume where there is none', async () => {
    const [again, nothing] = [
      await kd(['train', config('alone.config.ts'), '--out', run]),
      await kd(['train', config('alone.config.ts'), '--out', temporaryFolder(), '--resume']),
    ];
    expect(again.stderr).toContain('already holds a run');
    expect(nothing.stderr).toContain('no checkpoint to resume from');
    expect([again.code, nothing.code]).toEqual([1, 1]);
  });

  test('stopped by Ctrl-C and resumed, it ends with the same tensors, bit for bit', async () => {
    const out = join(temporaryFolder(), 'interrupted');
    let sent = false;
    const stopped = await kdProcess(['train', config('alone.config.ts'), '--out', out, ...options], {
      onStderr: (text, kill) => {
        if (sent || !text.includes('step 8/18')) return;
        sent = true;
        kill('SIGINT');
      },
    });
    expect(stopped.code).toBe(130);
    const step = Number(/stopped after step (\d+)/.exec(stopped.stderr)?.[1]);
    expect(step).toBeGreaterThanOrEqual(8);
    expect(step).toBeLessThan(18);
    expect(stopped.stderr).toMatch(/go on with: kd train .*alone\.config\.ts --out .* --resume --epochs 3 --seed=5/);
    expect(existsSync(join(out, 'summary.json'))).toBe(false);

    const resumed = await kd(['train', '--resume', out]);
    expect(resumed.stderr).toContain(`going on after step ${step}`);
    expect(resumed.code).toBe(0);
    for (const name of ['best', 'step-00000018']) {
      const [whole, parts] = await Promise.all(
        [run, out].map((folder) => readSafetensors(join(folder, 'checkpoints', `${name}.safetensors`))),
      );
      expect([...parts!.tensors.keys()].sort()).toEqual([...whole!.tensors.keys()].sort());
      for (const [path, { data }] of whole!.tensors)
        expect(
          Buffer.from(
            parts!.tensors.get(path)!.data.buffer,
            parts!.tensors.get(path)!.data.byteOffset,
            data.byteLength,
          ).equals(Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
          `${name}: ${path}`,
        ).toBe(true);
    }
    expect(json<Summary>(out, 'summary.json').metrics).toEqual(json<Summary>(run, 'summary.json').metrics);
    const evaluations = (folder: string): number[] =>
      lines(folder).flatMap(({ type, step: at }) => (type === 'evaluation' ? [at] : []));
    expect(evaluations(out)).toEqual(evaluations(run));
  });

  test('with a teacher and a distiller by name, the term of the distiller is in the log', async () => {
    const out = join(temporaryFolder(), 'taught');
    const { code, stderr } = await kd(['train', config('taught.config.ts'), '--out', out, '--epochs', '1'], {
      env: { KD_E2E_TEACHER: run },
    });
    expect(stderr).toMatch(/ssim\.\w+ /);
    expect(code).toBe(0);
    const [first] = lines(out);
    const terms = Object.entries(first!.terms).filter(([name]) => name.startsWith('ssim.'));
    expect(terms.length).toBeGreaterThan(0);
    for (const [, value] of terms) expect(value).toBeGreaterThan(0);
    const { tensors } = await readSafetensors(join(out, 'checkpoints', 'best.safetensors'));
    expect([...tensors.keys()].every((path) => path.startsWith('student/'))).toBe(true);
  });

  test('the plugin of the README trains, as it stands there', async () => {
    const plugin = readFileSync(config('mimic.ts'), 'utf8').split('\n').slice(1).join('\n');
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(plugin);
    const out = join(temporaryFolder(), 'mimic');
    const { code, stderr } = await kd(['train', config('mimic.config.ts'), '--out', out], {
      env: { KD_E2E_TEACHER: run },
    });
    expect(code, stderr).toBe(0);
    expect(lines(out)[0]!.terms['mimic.feat']).toBeGreaterThan(0);
  });

  test('a run folder that cannot be made is told before anything is trained', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, 'a file');
    const { code, stderr } = await kd(['train', config('alone.config.ts'), '--out', join(file, 'run')]);
    expect(stderr).toContain('error [RUN_FOLDER]');
    expect(stderr).not.toContain('step 2/');
    expect(code).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe('a file');
  });

  test('when a checkpoint cannot be written (as on a full disk), no part of it is left', () => {
    const out = join(temporaryFolder(), 'full');
    // Files may have 100 KiB here: config and metrics fit, a checkpoint does not.
    const { status, stderr } = spawnSync(
      'bash',
      ['-c', 'ulimit -f 100; exec "$0" "$@"', process.execPath, bin, 'train', config('alone.config.ts'), '--out', out],
      { cwd: root, encoding: 'utf8' },
    );
    expect(stderr).toMatch(/error \[FILE_WRITE\] .*safetensors could not be written/);
    expect(status).toBe(1);
    expect(readdirSync(join(out, 'checkpoints'))).toEqual([]);
    expect(existsSync(join(out, 'summary.json'))).toBe(false);
  });
});

describe('kd eval', () => {
  test('gives the figures of the summary again; standard output is JSON alone', async () => {
    const { code, stdout } = await kdProcess(['eval', run, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      metric: 'coco',
      images: 6,
      metrics: json<Summary>(run, 'summary.json').metrics,
    });
    expect(Object.keys((JSON.parse(stdout) as Summary).metrics)).toHaveLength(12);
    expect(code).toBe(0);
  });

  test('finds a run by a path relative to the working directory', async () => {
    const { code, stderr } = await kd(['eval', 'alone'], { cwd: dirname(run) });
    expect(stderr).not.toContain('error');
    expect(code).toBe(0);
  });

  test("takes weights under torchvision's names with the detector named beside them", async () => {
    const file = join(temporaryFolder(), 'torch.safetensors');
    const { tensors } = await readSafetensors(join(run, 'checkpoints', 'best.safetensors'));
    await writeSafetensors(
      file,
      toTorchvision(new Map([...tensors].map(([name, value]) => [name.slice('student/'.length), value]))),
    );
    const { student, data } = json<{ student: unknown; data: { val: unknown } }>(run, 'config.json');
    const { stdout } = await kd([
      'eval',
      file,
      '--json',
      '--detector',
      JSON.stringify(student),
      '--data',
      JSON.stringify(data.val),
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, metrics: json<Summary>(run, 'summary.json').metrics });
  });

  test('takes a checkpoint of torch, the state dict and the names in it by choice', async () => {
    const file = join(temporaryFolder(), 'torch.pth');
    const { tensors } = await readSafetensors(join(run, 'checkpoints', 'best.safetensors'));
    const torch = [
      ...toTorchvision(new Map([...tensors].map(([name, value]) => [name.slice('student/'.length), value]))),
    ];
    const zeros = torch.map(
      ([name, value]) => [`module.${name}`, { ...value, data: new Float32Array(value.data.length) }] as const,
    );
    writeFileSync(
      file,
      legacyCheckpoint({
        model: new Map(zeros),
        model_ema: new Map(torch.map(([name, value]) => [`module.student.${name}`, value] as const)),
      }),
    );
    const { student, data } = json<{ student: unknown; data: { val: unknown } }>(run, 'config.json');
    const wanted = { ok: true, metrics: json<Summary>(run, 'summary.json').metrics };
    const detector = ['--detector', JSON.stringify(student)];
    const val = ['--data', JSON.stringify(data.val), '--json'];
    const unsaid = await kd(['eval', file, ...val, ...detector]);
    expect(JSON.parse(unsaid.stdout)).toMatchObject({
      ok: false,
      error: {
        code: 'CHECKPOINT_INVALID',
        message: expect.stringMatching(/several state dicts.*--key model/) as string,
      },
    });
    const chosen = ['--key', 'model_ema', '--prefix', 'student.'];
    expect(JSON.parse((await kd(['eval', file, ...val, ...detector, ...chosen])).stdout)).toMatchObject(wanted);

    const inspected = await kd(['weights', 'inspect', file, '--json', '--key', 'model']);
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      ok: true,
      container: 'legacy',
      key: 'model',
      map: 'torchvision-retinanet',
      tensors: { 'module.backbone.body.conv1.weight': { shape: [8, 3, 7, 7], dtype: 'F32' } },
    });
    // The same in a config: the student starts from it, and it teaches.
    const entry = JSON.stringify([file, { key: 'model_ema', prefix: 'student.' }]);
    const teacher = `{"weights":${entry},"detector":${JSON.stringify(student)}}`;
    const planned = await kd(
      ['plan', config('taught.config.ts'), '--json', '--set', `init=${entry}`, '--set', `teacher=${teacher}`],
      { env: { KD_E2E_TEACHER: run } },
    );
    expect(planned.stderr).not.toMatch(/init:/);
    expect(JSON.parse(planned.stdout)).toMatchObject({
      ok: true,
      teacher: { weights: file },
      student: { weights: file },
    });

    const converted = join(dirname(file), 'converted.safetensors');
    expect((await kd(['convert', file, converted, ...chosen])).code).toBe(0);
    expect(JSON.parse((await kd(['eval', converted, ...val, ...detector])).stdout)).toMatchObject(wanted);
  });

  test('takes a checkpoint and other data', async () => {
    const data = JSON.stringify({
      format: 'synthetic',
      images: 3,
      size: 64,
      seed: 9,
      classes: ['striped-disk', 'speckled-ring'],
    });
    const { code, stdout } = await kd(['eval', join(run, 'checkpoints', 'step-00000018.safetensors'), '--data', data]);
    expect(stdout).toContain('3 images');
    expect(stdout).toMatch(/AP50 +\S+\n/);
    expect(stdout).toMatch(/speckled-ring/);
    expect(code).toBe(0);
    // A converted one still says which detector it is of.
    const converted = join(temporaryFolder(), 'converted.safetensors');
    expect((await kd(['convert', run, converted])).code).toBe(0);
    const again = await kd(['eval', converted, '--data', data, '--json']);
    const first = await kd(['eval', run, '--data', data, '--json']);
    expect((JSON.parse(again.stdout) as { metrics: object }).metrics).toEqual(
      (JSON.parse(first.stdout) as { metrics: object }).metrics,
    );
  });

  test('measures the classes that the data has, and says which it has not', async () => {
    const data = '{"format":"synthetic","images":2,"size":64,"classes":["striped-disk"]}';
    const { code, stderr } = await kd(['eval', run, '--data', data]);
    expect(stderr).toContain('not measured are speckled-ring');
    expect(code).toBe(0);
  });

  test('refuses data with other classes', async () => {
    const { code, stdout } = await kd([
      'eval',
      run,
      '--json',
      '--data',
      '{"format":"synthetic","images":2,"size":64,"classes":["striped-disk","checkered-square"]}',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { code: 'DATA_INVALID', message: expect.stringContaining('checkered-square') as string },
    });
    expect(code).toBe(1);
  });
});

describe('kd predict', () => {
  test('draws what it can, tells what it cannot, and ends with an exit code', async () => {
    const folder = temporaryFolder();
    const good = join(folder, 'good.png');
    await sharp({ create: { width: 80, height: 50, channels: 3, background: '#a05030' } })
      .png()
      .toFile(good);
    writeFileSync(join(folder, 'bad.jpg'), 'no image');
    const out = join(folder, 'out');
    const { code, stderr } = await kd([
      'predict',
      run,
      good,
      join(folder, 'bad.jpg'),
      good,
      '--out',
      out,
      '--threshold',
      '0',
    ]);
    expect(stderr.match(/^error \[IMAGE_INVALID\] .*bad\.jpg.*$/gm)).toHaveLength(1);
    expect(code).toBe(1);
    expect(readdirSync(out).sort()).toEqual(['good-2.png', 'good.png', 'predictions.json']);
    expect(await sharp(join(out, 'good.png')).metadata()).toMatchObject({ width: 80, height: 50 });
    const { images } = json<{ images: Record<string, unknown>[] }>(out, 'predictions.json');
    expect(images).toMatchObject([
      { width: 80, height: 50, drawn: 'good.png' },
      { error: { code: 'IMAGE_INVALID' } },
      { drawn: 'good-2.png' },
    ]);
    const before = readFileSync(good);
    writeFileSync(join(folder, 'older.png'), before);
    const beside = await kd(['predict', run, good, '--out', folder]);
    expect(beside.code, beside.stderr).toBe(0);
    expect(beside.stderr).toMatch(/holds 1 other picture \(older\.png\), which this call did not draw/);
    expect(readFileSync(good).equals(before), 'the image that was read stays as it is').toBe(true);
    expect(existsSync(join(folder, 'good-2.png'))).toBe(true);
  });
});
