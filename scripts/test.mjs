// Type check, format, lint, and every test of the workspace; the last line is `N passed, N failed[, N skipped]`.
// Run it through `npm test`, which sets the workspace up first.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'kd-test-'));
const bin = (...path) => join(root, 'node_modules', ...path);
const total = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(0)} s`;

/** The exit code of a Node program and, unless it is `shown` as it comes, what it printed. */
function node(args, shown = false) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: shown ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => (printed += text));
    child.on('error', fail).on('close', (status) => done({ status, printed }));
  });
}

/** A check counts as one test. Gives what it printed. */
async function check(what, ...args) {
  const began = performance.now();
  const { status, printed } = await node(args);
  const fine = status === 0;
  total[fine ? 'passed' : 'failed']++;
  return `\n== ${what}\n${printed}${what}: ${fine ? 'fine' : 'FAILED'} (${seconds(began)})\n`;
}

/** One after the other, each on all cores. */
const checks = async () =>
  [
    await check('format', bin('@biomejs', 'biome', 'bin', 'biome'), 'format', '.'),
    await check('lint', bin('oxlint', 'bin', 'oxlint')),
    await check(
      'types of tests, examples and configs',
      bin('typescript-native', 'bin', 'tsc'),
      '-p',
      'tsconfig.check.json',
    ),
    await check('import directions', bin('dependency-cruiser', 'bin', 'dependency-cruise.mjs'), 'packages'),
  ].join('');

async function tests() {
  const file = join(folder, 'tests.json');
  const { status } = await node(
    [bin('vitest', 'vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    true,
  );
  const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { testResults: [] };
  const each = result.testResults.flatMap((suite) => suite.assertionResults);
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
}

/**
 * The exit code.
 * @param engine what the tests wait for, and the checks do not
 */
export async function run(engine) {
  const began = performance.now();
  // Beside the engine's set-up and the tests, and shown after them.
  const checked = checks();
  await engine;
  await tests();
  process.stdout.write(await checked);
  rmSync(folder, { recursive: true, force: true });

  if (skipped.length > 0) {
    const names = skipped.map((name) => `  ${name}`).join('\n');
    process.stdout.write(`\nskipped, each with its reason in its name or beside it above:\n${names}\n`);
  }
  process.stdout.write(`\nall of it took ${seconds(began)}\n`);
  process.stdout.write(
    `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}\n`,
  );
  return total.failed === 0 ? 0 : 1;
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) process.exit(await run());
