// Type check, lint, and every test of the workspace; the last line is `N passed, N failed[, N skipped]`.
// Run it through `npm test`, which sets the workspace up first.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'kd-test-'));
const bin = (...path) => join(root, 'node_modules', ...path);
const total = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(0)} s`;

/** Output goes to standard output, as a test's does; a check counts as one test. */
function check(what, args) {
  process.stdout.write(`\n== ${what}\n`);
  const began = performance.now();
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  total[status === 0 ? 'passed' : 'failed']++;
  process.stdout.write(`${what}: ${status === 0 ? 'fine' : 'FAILED'} (${seconds(began)})\n`);
}

function tests(project) {
  process.stdout.write(`\n== tests: ${project}\n`);
  const began = performance.now();
  const file = join(folder, `${project}.json`);
  const { status } = spawnSync(
    process.execPath,
    [
      bin('vitest', 'vitest.mjs'),
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ],
    { cwd: root, stdio: 'inherit' },
  );
  const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { testResults: [] };
  const each = result.testResults.flatMap((suite) =>
    suite.assertionResults.map((one) => ({ ...one, suite: suite.name })),
  );
  const count = (...states) => each.filter((one) => states.includes(one.status)).length;
  // A file that could not even be loaded has no tests: it counts as one failure.
  const unloaded = result.testResults.filter(
    (suite) => suite.status === 'failed' && !suite.assertionResults.some((one) => one.status === 'failed'),
  ).length;
  const failed = count('failed') + unloaded;
  total.passed += count('passed');
  total.failed += failed === 0 && status !== 0 ? 1 : failed;
  const left = each.filter((one) => ['skipped', 'pending', 'todo', 'disabled'].includes(one.status));
  total.skipped += left.length;
  skipped.push(...left.map((one) => one.fullName));
  process.stdout.write(`${project}: ${seconds(began)}\n`);
}

const began = performance.now();
check('types of tests, examples and configs', [bin('typescript', 'bin', 'tsc'), '-p', 'tsconfig.check.json']);
check('format', [bin('@biomejs', 'biome', 'bin', 'biome'), 'format', '.']);
check('lint', [bin('eslint', 'bin', 'eslint.js'), '.']);
check('import directions', [bin('dependency-cruiser', 'bin', 'dependency-cruise.mjs'), 'packages']);
for (const project of ['unit', 'golden', 'e2e']) tests(project);
rmSync(folder, { recursive: true, force: true });

if (skipped.length > 0)
  process.stdout.write(
    `\nskipped, each with its reason in its name or beside it above:\n${skipped.map((name) => `  ${name}`).join('\n')}\n`,
  );
process.stdout.write(`\nall of it took ${seconds(began)}\n`);
process.stdout.write(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}\n`,
);
process.exit(total.failed === 0 ? 0 : 1);
