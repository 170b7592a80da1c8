// Selection among rows that are never in memory together: arguments are rows, candidates (all or density), threads; one
// JSON line.
// Rows are made anew in every pass, and the time that this takes is told apart. Minutes at 860,000 rows (all instances
// of COCO).
import { tensorflow } from '@kd/engine-tensorflow';
import { selectStreamed } from '@kd/plugin-prototype';
import '@tensorflow/tfjs-layers';
import { resident } from './resident.mjs';
import { uniform } from './select-data.mjs';

const [rows, candidates, threads] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];
const [CHANNELS, POOL, BLOCK] = [256, 65536, 32768];
const info = await tensorflow({ intraOpThreads: threads }).start();

// A row is one of 16 directions and two stretches of a pool of noise: cheap to make again, hardly two alike.
const fill = (size, next) => Float32Array.from({ length: size }, next);
const signed = (seed, scale, mean) => {
  const draw = uniform(seed);
  return () => mean + scale * (draw() + draw() - 1);
};
const modes = { teacher: fill(16 * CHANNELS, signed(1, 2, 0.5)), student: fill(16 * CHANNELS, signed(2, 2, 0.5)) };
const pool = { teacher: fill(POOL, signed(3, 1, 0)), student: fill(POOL, signed(4, 1.4, 0)) };
const buffer = { teacher: new Float32Array(BLOCK * CHANNELS), student: new Float32Array(BLOCK * CHANNELS) };
const mixed = (i) => Math.imul(i ^ (i >>> 15), 0x2c1b3c6d) >>> 0;
function read(from, to) {
  for (const space of ['teacher', 'student']) {
    const [out, base, noise] = [buffer[space], modes[space], pool[space]];
    for (let i = from, at = 0; i < to; i++) {
      const key = mixed(i + 1);
      const mode = (key & 15) * CHANNELS;
      const shift = (key >>> 4) % (POOL - CHANNELS);
      const other = (Math.imul(key, 0x297a2d39) >>> 4) % (POOL - CHANNELS);
      for (let c = 0; c < CHANNELS; c++) out[at++] = base[mode + c] + noise[shift + c] + noise[other + c];
    }
  }
  return {
    teacher: buffer.teacher.subarray(0, (to - from) * CHANNELS),
    student: buffer.student.subarray(0, (to - from) * CHANNELS),
  };
}

const before = resident('VmRSS');
let makingMs = 0;
let rowsRead = 0;
const cpu = process.cpuUsage();
const start = performance.now();
const selection = await selectStreamed(
  {
    rows,
    teacherChannels: CHANNELS,
    studentChannels: CHANNELS,
    read(from, to) {
      const began = performance.now();
      const block = read(from, to);
      makingMs += performance.now() - began;
      rowsRead += to - from;
      return block;
    },
  },
  { candidates },
);
const ms = performance.now() - start;
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    rows,
    candidates: selection.candidates.length,
    seconds: Math.round(ms / 100) / 10,
    cpu_seconds: Math.round((user + system) / 1e5) / 10,
    seconds_making_rows: Math.round(makingMs / 100) / 10,
    passes: Math.round((rowsRead / rows) * 10) / 10,
    peak_mb: Math.round(resident('VmHWM')),
    rise_mb: Math.round(resident('VmHWM') - before),
    chosen: [...selection.rows],
    objective_share: selection.objective.at(-1) / selection.initialEnergy,
    engine: `TensorFlow ${info.version}, ${info.device}`,
    threads,
  }),
);
