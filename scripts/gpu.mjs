// What a graphics card makes of a training, for a machine that is there for minutes and may have no network: from the
// smallest thing that says something to steps beside torchvision's on the same card.
//   node scripts/gpu.mjs --pack kd.tar.xz   packs the built workspace; unpacked there, it needs Node and a libtensorflow
//                                           (KD_TENSORFLOW) besides
//   node scripts/gpu.mjs [--out DIR] [--minutes 8] [--only doctor,convolution,profile,steps,checks,webgpu,variants]
//                        [--size 800] [--batches 8,16] [--device cuda]
// Prints one JSON object a line, and keeps them in DIR/results.jsonl, with a log of each part beside it. KD_PEER_PYTHON
// is a Python with torch and torchvision (default: python3). `--device cpu --size 256 --batches 2` tries it without a
// card. Exit code 1 where a part failed.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, createWriteStream, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    pack: { type: 'string' },
    out: { type: 'string', default: 'gpu-results' },
    minutes: { type: 'string', default: '8' },
    only: { type: 'string' },
    size: { type: 'string', default: '800' },
    batches: { type: 'string', default: '8,16' },
    device: { type: 'string', default: 'cuda' },
    child: { type: 'boolean', default: false },
  },
});

/** Of node_modules: what neither a step nor a golden case loads. */
const LEFT_OUT = [
  ...['@biomejs*', '@img+sharp-wasm*', '@oxlint*', '@rolldown+binding-wasm*', '@tensorflow+tfjs@*', '@typescript*'],
  ...['@tensorflow+tfjs-backend-webgl*', 'onnxruntime-*', 'oxlint*', 'playwright*'],
  ...[
    'typescript*',
    'webgpu*/node_modules/webgpu/dist/[dw]*',
    'webgpu*/node_modules/webgpu/dist/linux-arm64',
    'prettier*',
    'typedoc*',
    '@microsoft*',
    '@shikijs*',
    'verdaccio*',
    '@verdaccio*',
  ],
  ...['dependency-cruiser*', 'core-js*', 'webpack*', 'graphql*', 'lightningcss*'],
].map((name) => `node_modules/.pnpm/${name}`);

function pack(file) {
  const left = [...LEFT_OUT, '*.map', '*.d.ts', '*.flow', 'node_modules/.vite', 'node_modules/.cache'];
  const args = ['-cJf', resolve(file), ...left.map((name) => `--exclude=${name}`)];
  const what = ['package.json', 'vitest.config.ts', 'tsconfig.base.json', 'packages', 'bench', 'scripts', 'tests'];
  const { status } = spawnSync('tar', [...args, ...what, 'examples', 'node_modules'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, XZ_OPT: '-T0 -6' },
  });
  return status ?? 1;
}

/** A convolution with both gradients, in odd sizes: one line of JSON. */
async function convolution() {
  const { tensorflow } = await import('../packages/engine-tensorflow/dist/index.js');
  const tf = await import('@tensorflow/tfjs-core');
  const { device } = await tensorflow().start();
  const wave = (shape, step) =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * step)),
      shape,
    );
  const [x, kernel] = [wave([2, 37, 41, 24], 0.37), wave([3, 3, 24, 40], 0.11)];
  const { value, grads } = tf.valueAndGrads((a, b) => tf.sum(tf.square(tf.conv2d(a, b, 2, 'same'))))([x, kernel]);
  const made = { value, input: grads[0], kernel: grads[1] };
  console.log(
    JSON.stringify({
      device,
      ...Object.fromEntries(Object.entries(made).map(([key, of]) => [key, [...of.dataSync()]])),
    }),
  );
}

const out = resolve(options.out);
const until = performance.now() + Number(options.minutes) * 60_000;
const card = options.device === 'cuda';
let failed = false;

function tell(part, found) {
  if (found.error !== undefined) failed = true;
  const line = JSON.stringify({ part, ...found });
  console.log(line.length > 2000 ? `${line.slice(0, 2000)}…` : line);
  appendFileSync(join(out, 'results.jsonl'), `${line}\n`);
}

/** Megabytes of the card that are taken, or null. */
function taken() {
  const { status, stdout } = spawnSync('nvidia-smi', ['--query-gpu=memory.used', '--format=csv,noheader,nounits'], {
    encoding: 'utf8',
  });
  return status === 0 ? Number(stdout.split('\n')[0]) : null;
}

/**
 * Runs a program of ours to its end, or until `seconds` or the minutes of all are over; what it says goes to NAME.log.
 * @returns what it printed, how long it took, the most of the card's memory that was seen taken meanwhile; `error`
 *   where it failed
 */
async function program(name, args, { seconds = 180, env = {} } = {}) {
  const left = Math.min(seconds * 1000, until - performance.now());
  if (left < 5000) return { stdout: '', error: 'no time was left' };
  const log = createWriteStream(join(out, `${name}.log`));
  const began = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: root,
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  for (const stream of [child.stdout, child.stderr]) stream.pipe(log, { end: false });
  let most = null;
  const watch = setInterval(() => (most = Math.max(most ?? 0, taken() ?? 0) || null), 1000);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    process.kill(-child.pid, 'SIGKILL');
  }, left);
  const code = await new Promise((done) => child.on('error', done).on('close', done));
  clearInterval(watch);
  clearTimeout(limit);
  log.end();
  const took = Math.round((performance.now() - began) / 100) / 10;
  const error = late ? `stopped after ${took} s` : code === 0 ? undefined : `ended with ${code}: ${name}.log`;
  return { stdout, took_s: took, card_mb: most, ...(error && { error }) };
}

const cli = join('packages', 'cli', 'dist', 'bin.js');
const PARTS = {
  async doctor() {
    if (card) tell('nvidia-smi', { said: spawnSync('nvidia-smi', { encoding: 'utf8' }).stdout });
    for (const [name, args] of [
      ['install', ['engine', 'install']],
      ['doctor', ['doctor']],
    ]) {
      const { stdout, ...rest } = await program(name, [cli, ...args]);
      tell(name, { ...rest, said: stdout });
    }
  },

  /** On the card beside the processor: in full float32, and as the card multiplies by itself. */
  async convolution() {
    const run = async (name, env) => {
      const { stdout, error } = await program(`convolution-${name}`, [fileURLToPath(import.meta.url), '--child'], {
        env,
      });
      return error ? { error } : JSON.parse(stdout.trim().split('\n').at(-1));
    };
    const want = await run('processor', { CUDA_VISIBLE_DEVICES: '-1' });
    if (want.error) return tell('convolution', want);
    for (const [name, env] of [
      ['float32', { NVIDIA_TF32_OVERRIDE: '0' }],
      ['tf32', {}],
    ]) {
      const got = await run(name, env);
      if (got.error) tell('convolution', { precision: name, ...got });
      else {
        const apart = (key) => {
          const most = Math.max(...want[key].map(Math.abs));
          return Math.max(...want[key].map((value, i) => Math.abs(value - got[key][i]))) / most;
        };
        const differences = Object.fromEntries(['value', 'input', 'kernel'].map((key) => [key, apart(key)]));
        tell('convolution', { precision: name, device: got.device, differences });
      }
    }
  },

  async golden() {
    const vitest = join('node_modules', 'vitest', 'vitest.mjs');
    const { stdout, ...rest } = await program('golden', [vitest, 'run', '--project', 'golden'], {
      seconds: 150,
      env: { NVIDIA_TF32_OVERRIDE: '0' },
    });
    tell('golden', {
      ...rest,
      said: stdout
        .split('\n')
        .filter((line) => /Tests|FAIL|Error/.test(line))
        .slice(-40),
    });
  },

  async demo() {
    const { stdout, ...rest } = await program('demo', [join('examples', 'demo.mjs'), '--quick']);
    tell('demo', { ...rest, said: stdout.split('\n').slice(-12) });
  },

  /** Where a compiled step's time goes, each kernel waited for. */
  async profile() {
    for (const [method, detector] of [
      ['none', 'retinanet'],
      ['ssim', 'retinanet'],
    ]) {
      const name = `profile-${method}-${detector}`;
      const { stdout, ...rest } = await program(
        name,
        [join('bench', 'ours', 'step-profile.mjs'), method, '5', detector],
        {
          seconds: 60,
          env: {
            ...sizes(8),
            CUDA_LAUNCH_BLOCKING: '1',
            TF_NUM_INTEROP_THREADS: '1',
            KD_BENCH_ROWS: '400',
            KD_BENCH_THREADS: '8',
          },
        },
      );
      tell(name, { ...rest, said: stdout.split('\n').slice(0, 12) });
    }
  },

  /** Images a second of whole steps beside torchvision's, those of the smallest batch first. */
  async steps() {
    const rows = options.batches
      .split(',')
      .flatMap((batch, i) => [
        ...benchesOf(batch, 'tf32'),
        ...(i === 0 ? benchesOf(batch, 'float32').slice(0, 1) : []),
        ...benchesOf(batch, 'mixed'),
      ]);
    await inTurn(rows);
  },

  /** What else could be set, on our side alone. */
  async variants() {
    const [batch] = options.batches.split(',');
    const [tf32] = benchesOf(batch, 'tf32');
    const own = { KD_PEER_PYTHON: '' };
    await inTurn([
      {
        ...tf32,
        name: `${tf32.name}-cuda-malloc`,
        env: { ...tf32.env, ...own, TF_GPU_ALLOCATOR: 'cuda_malloc_async' },
      },
      {
        ...tf32,
        name: `${tf32.name}-xla`,
        env: { ...tf32.env, ...own, KD_BENCH_XLA: '1', XLA_FLAGS: '--xla_gpu_cuda_data_dir=/usr/local/cuda' },
      },
    ]);
  },

  /** What nobody times, side by side. */
  async checks() {
    await Promise.all(['golden', 'demo', 'contract'].map((part) => PARTS[part]()));
  },

  /** What the engine on WebGPU is held to, on this card. */
  async contract() {
    const { stdout, ...rest } = await program('webgpu-contract', [join('scripts', 'webgpu.mjs'), 'contract'], {
      seconds: 90,
    });
    tell('webgpu-contract', {
      ...rest,
      said: stdout
        .split('\n')
        .filter((line) => /WebGPU on|Tests|FAIL|Error/.test(line))
        .slice(-30),
    });
  },

  /** Steps by WebGPU. */
  async webgpu() {
    const rows = options.batches.split(',').flatMap((batch) => [
      bench('retinanet-r50-step', batch, 'float32', {
        KD_BENCH_ENGINE: 'webgpu',
        KD_BENCH_DETECTOR: 'retinanet-r18',
      }),
      bench('retinanet-r50-step', batch, 'float32', { KD_BENCH_ENGINE: 'webgpu' }),
      bench('distillation-steps', batch, 'float32', { KD_BENCH_ENGINE: 'webgpu', KD_BENCH_METHODS: 'ssim' }),
    ]);
    await inTurn(
      rows.map((row) => ({
        ...row,
        name: `webgpu-${row.name}`,
        seconds: 60,
        env: { ...row.env, KD_BENCH_STEPS: '1', KD_BENCH_ROUNDS: '1' },
      })),
    );
  },
};

const sizes = (batch) => ({ KD_BENCH_SIZE: options.size, KD_BENCH_BATCH: String(batch) });

const PRECISIONS = {
  tf32: {},
  mixed: { KD_BENCH_PRECISION: 'mixed', KD_BENCH_AMP: 'fp16' },
  float32: { NVIDIA_TF32_OVERRIDE: '0' },
};

/** A bench of steps, as {@link inTurn} takes it. */
function bench(name, batch, precision, which) {
  const about = [which.KD_BENCH_DETECTOR ?? name, which.KD_BENCH_METHODS, batch, precision].filter(Boolean).join('-');
  return {
    name: about,
    bench: name,
    batch,
    precision,
    seconds: 120,
    env: {
      KD_PEER_PYTHON: process.env.KD_PEER_PYTHON ?? 'python3',
      KD_BENCH_DEVICE: options.device,
      KD_BENCH_ROUNDS: '2',
      KD_BENCH_STEPS: card ? '10' : '1',
      KD_BENCH_THREADS: '8',
      KD_BENCH_WEIGHTS: join(out, 'weights'),
      KD_BENCH_LOCK: out,
      ...sizes(batch),
      // Of other precisions; the first step of float32 must agree.
      ...(precision !== 'float32' && { KD_BENCH_TOLERANCE: '0.1' }),
      ...PRECISIONS[precision],
      ...which,
    },
  };
}

const benchesOf = (batch, precision) => [
  bench('retinanet-r50-step', batch, precision, {}),
  bench('distillation-steps', batch, precision, { KD_BENCH_METHODS: 'ssim' }),
  bench('distillation-steps', batch, precision, { KD_BENCH_METHODS: 'crosskd' }),
  bench('fcos-r50-step', batch, precision, {}),
  bench('faster-rcnn-r50-step', batch, precision, {}),
];

/** Times benches one after the other, the processes of the next starting meanwhile. */
async function inTurn(rows) {
  const waiting = [...rows];
  const worker = async () => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) await one(row);
  };
  await Promise.all([worker(), worker()]);
}

async function one({ name, bench, batch, precision, seconds, env }) {
  const { stdout, ...rest } = await program(name, [join('bench', 'run.mjs'), bench], { seconds, env });
  let row = {};
  try {
    row = JSON.parse(stdout.trim().split('\n').at(-1));
  } catch {}
  const perSecond = (ms) => (ms ? Math.round((Number(batch) * 10_000) / ms) / 10 : null);
  const speed = { ours_images_per_s: perSecond(row.ours_ms), peer_images_per_s: perSecond(row.peer_ms) };
  tell('step', { bench: name, precision, ...speed, ...row, ...rest, ...(row.error && { error: row.error }) });
}

async function all() {
  const wanted = options.only?.split(',') ?? [
    'doctor',
    'convolution',
    'profile',
    'steps',
    'checks',
    'webgpu',
    'variants',
  ];
  const unknown = wanted.filter((part) => !Object.hasOwn(PARTS, part));
  if (unknown.length > 0) {
    console.error(`There is no part "${unknown.join('", "')}". There are: ${Object.keys(PARTS).join(', ')}.`);
    return 2;
  }
  mkdirSync(out, { recursive: true });
  for (const part of wanted) await PARTS[part]();
  return failed ? 1 : 0;
}

if (options.child) await convolution();
else process.exitCode = options.pack === undefined ? await all() : pack(options.pack);
