import { describe, expect, it } from 'vitest';
import type { StoredSettings } from '../contract/checkpoint.js';
import type { DetectorDefinition } from '../contract/detector.js';
import type { Use } from '../define.js';
import type { Logger } from '../logger.js';
import { tellStoredSettings, withStoredClasses, withStoredSettings } from './stored-settings.js';

const settings: StoredSettings = { program: 'mmdetection', from: 'meta.cfg', style: 'caffe' };
const use = {
  definition: {
    withStored: (options: unknown) => ({
      options: { ...(options as object), style: 'caffe' },
      taken: ['style: caffe'],
      doubts: ['it has another mean'],
    }),
  },
  options: { width: 3 },
} as unknown as Use<DetectorDefinition>;

const log = (run: (logger: Logger) => unknown): { readonly result: unknown; readonly lines: readonly string[] } => {
  const lines: string[] = [];
  const logger = {
    info: (line: string) => void lines.push(`info ${line}`),
    warn: (line: string) => void lines.push(`warn ${line}`),
  };
  return { result: run(logger), lines };
};

describe('what a file says of input and backbone', () => {
  it('goes into the options of a detector that is made for it, and is told', () => {
    const { result, lines } = log((logger) => withStoredSettings(use, { file: 'a.pth', settings }, logger));
    expect(result).toMatchObject({ options: { width: 3, style: 'caffe' } });
    expect(lines).toEqual([
      'info a.pth says in its meta.cfg, and it is used: style: caffe',
      'warn a.pth: it has another mean',
    ]);
  });

  it('is told alone where a student starts from it', () => {
    const { lines } = log((logger) => tellStoredSettings(use, { file: 'a.pth', settings }, logger));
    expect(lines).toEqual([
      expect.stringMatching(/^warn init: a\.pth says in its meta\.cfg.*style: caffe\. Give the student these options/),
      'warn init: a.pth: it has another mean',
    ]);
  });

  it('is nothing for files that say nothing, and for detectors that ask for nothing', () => {
    const plain = { definition: {}, options: {} } as unknown as Use<DetectorDefinition>;
    for (const [of, from] of [
      [use, undefined],
      [plain, settings],
    ] as const) {
      const { result, lines } = log((logger) => {
        tellStoredSettings(of, { file: 'a.pth', settings: from }, logger);
        return withStoredSettings(of, { file: 'a.pth', settings: from }, logger);
      });
      expect([result, lines]).toEqual([of, []]);
    }
  });
});

describe('the classes that a file names', () => {
  const categories = (...names: string[]) => names.map((name, i) => ({ id: i + 7, name }));
  const from = { file: 'a.pth', settings: { ...settings, classes: ['cat', 'dog'] } };

  it('are taken where nobody else names any', () => {
    const { result, lines } = log((logger) => withStoredClasses(undefined, from, logger));
    expect([result, lines]).toEqual([
      [
        { id: 1, name: 'cat' },
        { id: 2, name: 'dog' },
      ],
      [],
    ]);
  });

  it('give way to those of the data: the same in silence, others with a word', () => {
    const same = categories('cat', 'dog');
    expect(log((logger) => withStoredClasses(same, from, logger))).toEqual({ result: same, lines: [] });
    const other = categories('cat', 'Dog');
    expect(log((logger) => withStoredClasses(other, from, logger))).toEqual({
      result: other,
      lines: [expect.stringMatching(/^warn a\.pth names its classes.*the file writes dog, the data Dog/)],
    });
  });

  it('in another order than the data have them are refused', () => {
    expect(() => log((logger) => withStoredClasses(categories('dog', 'cat'), from, logger))).toThrow(
      /a\.pth names its classes cat, dog, the data have dog, cat.*"classes": \["cat","dog"\]/,
    );
  });
});
