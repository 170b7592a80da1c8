// Sets the workspace up on a fresh machine, then runs what was asked for: `node scripts/setup.mjs demo | test | none`.
// Plain Node without dependencies: nothing is installed yet when it starts. What is up to date is skipped.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [task = 'none', ...rest] = process.argv.slice(2);
/** Exactly this one: the lock file is its. */
const PNPM = 'pnpm@12.21.0';
const TASKS = {
  demo: async (engine) => {
    // What has just been set up needs no search.
    if ((await engine) && (process.env.KD_ENGINE || 'auto') === 'auto') process.env.KD_ENGINE = 'tensorflow';
    return (
      spawnSync(process.execPath, [join(root, 'examples/demo.mjs'), ...rest], { cwd: root, stdio: 'inherit' }).status ??
      1
    );
  },
  test: async (engine) => (await import('./test.mjs')).run(engine),
  none: async (engine) => void (await engine),
};

function stop(message) {
  process.stderr.write(`\n${message}\n`);
  process.exit(1);
}

const say = (message) => process.stderr.write(`[set-up] ${message}\n`);
const works = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Runs a program to its end and says how long it took; stops everything when it fails, unless told `otherwise`. */
async function timed(name, what, command, args, otherwise = stop) {
  const began = performance.now();
  const failed = await new Promise((done) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
    process.once('exit', () => child.kill());
    child.on('error', ({ message }) => done(message));
    child.on('close', (code, signal) => done(code === 0 ? null : `${signal ?? `exit code ${code}`}`));
  });
  if (failed !== null) otherwise(`${what} failed (${failed}): ${command} ${args.join(' ')}`);
  else say(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return failed === null;
}
const build = (name, ...projects) =>
  timed(name, 'Building', process.execPath, [
    join('node_modules', 'typescript-native', 'bin', 'tsc'),
    '-b',
    ...projects,
  ]);

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  stop(
    `Node ${process.versions.node} is too old: 20.19 or later is needed (https://nodejs.org, or your version manager).`,
  );
}

/**
 * What TensorFlow lacks here, or null: Python brings its library, the compiler binds it; neither is needed again once
 * that is done.
 */
function missingTools() {
  if (process.env.KD_TENSORFLOW === undefined) {
    const machine = `${process.platform}-${process.arch}`;
    if (!['linux-x64', 'linux-arm64', 'darwin-arm64'].includes(machine))
      return `TensorFlow's library is set up on Linux (x86-64, arm64) and macOS (arm64) only, this is ${machine}.`;
    const python = ['python3', 'python'].find((name) => works(name, ['--version']));
    if (python === undefined)
      return "Python 3 was not found. It is needed once, to fetch TensorFlow's library (Debian: apt install python3 python3-pip).";
    if (!works(python, ['-m', 'pip', '--version']) && !works(python, ['-c', 'import tensorflow']))
      return `${python} has no pip. It is needed once, to fetch TensorFlow's library (Debian: apt install python3-pip).`;
  }
  const compilers = [process.env.CXX, 'g++', 'c++', 'clang++'].filter(Boolean);
  return compilers.some((name) => works(name, ['--version']))
    ? null
    : "No C++ compiler was found. It is needed once, to bind TensorFlow's library (Debian: apt install g++).";
}

const named = process.env.KD_ENGINE || 'auto';

/** Tests run on what every machine has, the demo on the best that runs here. */
function goOnWithout(why) {
  if (named === 'tensorflow') stop(why);
  process.env.KD_ENGINE = task === 'test' ? 'wasm' : 'auto';
  const what = task === 'test' ? 'WebAssembly' : 'a graphics card where there is one, else with WebAssembly';
  say(`${why} Going on with ${what}, which needs npm alone; WebAssembly takes several times as long.`);
}

/** Whether TensorFlow is to be set up: it is asked for, or nothing else is, and nothing that it needs is missing. */
function wantsTensorflow(ready) {
  if (!['tensorflow', 'auto'].includes(named)) return false;
  const missing = existsSync(ready) ? null : missingTools();
  if (missing !== null) goOnWithout(missing);
  return missing === null;
}

/** Everything that decides what is installed, as one hash: the lock file, the settings and every package.json. */
function installHash() {
  const manifests = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'package.json'));
  const hash = createHash('sha256').update(process.version);
  for (const file of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests])
    if (existsSync(join(root, file))) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

async function install() {
  const stamp = join(root, 'node_modules', '.kd-installed');
  const hash = installHash();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return say('packages: up to date');
  const found = spawnSync('pnpm', ['--version'], { cwd: root, encoding: 'utf8' });
  const own = found.status === 0 && `pnpm@${found.stdout.trim()}` === PNPM;
  const [command, before] = own ? ['pnpm', []] : ['npm', ['exec', '--yes', `--package=${PNPM}`, '--', 'pnpm']];
  say(`packages: installing with ${PNPM}${own ? '' : ' through npm exec; nothing is installed globally'}`);
  await timed('packages', 'Installing the packages', command, [...before, 'install', '--frozen-lockfile']);
  writeFileSync(stamp, hash);
}

if (task === 'demo' && rest.some((flag) => flag === '--help' || flag === '-h')) {
  process.stdout.write((await import('../examples/demo/help.mjs')).HELP);
  process.exit(0);
}
checkNode();
if (!(task in TASKS)) stop(`There is no task "${task}"; there are ${Object.keys(TASKS).join(', ')}.`);
const began = performance.now();
await install();
const ready = join(root, 'node_modules', '.kd-engine');
let engine = Promise.resolve(false);
if (wantsTensorflow(ready)) {
  // The engine's library is downloaded and compiled beside the rest of the build, which keeps one core busy, and beside
  // what needs no engine of the task.
  await build('build of the engine', join('packages', 'engine-tensorflow'));
  const script = [join('scripts', 'engine.mjs')];
  // The demo does without what cannot be had; tests that would be skipped for it are a failure.
  const otherwise = task === 'demo' ? (failed) => goOnWithout(`${failed}.`) : stop;
  engine = timed('engine', 'Setting TensorFlow up', process.execPath, script, otherwise).then((set) => {
    if (set) writeFileSync(ready, '');
    return set;
  });
}
await build('build');
void engine.then(() => say(`ready after ${((performance.now() - began) / 1000).toFixed(1)} s`));
process.exit((await TASKS[task](engine)) ?? 0);
