import { availableParallelism } from 'node:os';
import { defaultExclude, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** On the native engine. */
const native = ['packages/*/src/contract.test.ts', 'packages/*/src/**/*.native.test.ts'];

/** Longer than all others, alone if they came last: the first two mostly wait, for a registry and a browser. */
const FIRST = [
  'tests/e2e/install.test.ts',
  'tests/e2e/browser.test.ts',
  'tests/e2e/methods.test.ts',
  'packages/testing/src/suites.test.ts',
];

/** Those, then larger files or, where there is a cache, longer ones. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const first = ({ moduleId }: TestSpecification): boolean => FIRST.some((file) => moduleId.endsWith(file));
    const sorted = await super.sort(files);
    return [...sorted.filter(first), ...sorted.filter((file) => !first(file))];
  }
}

// Limits of time are for what hangs, not for what is slow: machines are.
// Packages are tested as they ship: relative imports are source, `@kd/*` imports are the built packages (`tsc -b`
// first).
export default defineConfig({
  plugins: [
    {
      // Source of a package imports its `#host` as source, too; as it ships, package.json says which is meant.
      name: 'host-of-source',
      enforce: 'pre',
      resolveId: (source, importer) => {
        const [, folder] = /^(.*\/packages\/[^/]+\/src\/)/.exec(importer ?? '') ?? [];
        return folder && source.startsWith('#host/') ? `${folder}host/node/${source.slice(6)}.ts` : null;
      },
    },
  ],
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    // A file a core, TensorFlow with one thread in each: on such small pictures two runs do more than one of two
    // threads. One more, since installations and downloads mostly wait.
    maxWorkers: availableParallelism() + 1,
    // NODE_PATH is what the launcher of pnpm sets: no package is to be found by it here.
    env: { TF_NUM_INTRAOP_THREADS: process.env.TF_NUM_INTRAOP_THREADS ?? '1', NODE_PATH: '' },
    globalSetup: ['tests/temporary.ts'],
    setupFiles: ['tests/equal-numbers.ts'],
    // Hooks start engines and remove installed packages, a hundred thousand files on a slow disk.
    hookTimeout: 600_000,
    sequence: { sequencer: LongFirst },
    // What a test spies on is undone after it, also for the next file of its process.
    restoreMocks: true,
    projects: [
      // Files of a project share a process, a core each, and with it TensorFlow.js: loading it takes longer than most
      // files. Unit tests run on the plain engine; the contract of each plugin and detector on the native one, golden
      // cases on that of `KD_ENGINE`. What must start or end with its process starts one (`kdProcess`).
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts'],
          exclude: [...defaultExclude, ...native],
          isolate: false,
          testTimeout: 60_000,
        },
      },
      { extends: true, test: { name: 'contract', include: native, isolate: false, testTimeout: 60_000 } },
      {
        extends: true,
        test: { name: 'golden', include: ['tests/golden/**/*.test.ts'], isolate: false, testTimeout: 120_000 },
      },
      // A part of the golden cases on a graphics card, or on one in software: slow. scripts/webgpu.mjs runs all.
      {
        extends: true,
        test: {
          name: 'golden-webgpu',
          include: ['tests/golden/{ops,ssim,baselines}.test.ts'],
          isolate: false,
          testTimeout: 300_000,
          env: { KD_ENGINE: 'webgpu', KD_GOLDEN_EVERY: '24' },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['tests/{docs,e2e}/**/*.test.ts'],
          setupFiles: ['tests/e2e/after.ts'],
          isolate: false,
          testTimeout: 600_000,
          // Node loads our packages, as it does for a user, and plugins that they import find the same core.
          server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
        },
      },
    ],
  },
});
