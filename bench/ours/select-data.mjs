// Two networks' features of n instances from a shared latent with 16 modes, in plain float64 in a fixed order: the same
// bits in any language.
const [CHANNELS, LATENT, MODES] = [256, 24, 16];

/** Teacher and student features [n, 256], rounded to float32. */
export function pairedFeatures(n) {
  const centres = table(MODES, LATENT, bell(1), 1);
  for (let m = 0; m < MODES; m++) centres[m * LATENT] += 2;
  const ofTeacher = table(LATENT, CHANNELS, bell(2), 0.2041241452319315);
  const ofStudent = table(LATENT, CHANNELS, bell(3), 0.2041241452319315);
  const draw = uniform(4);
  const mode = Int32Array.from({ length: n }, () => Math.floor(MODES * draw()));
  const spread = bell(5);
  const z = new Float64Array(n * LATENT);
  for (let i = 0; i < n; i++)
    for (let l = 0; l < LATENT; l++) z[i * LATENT + l] = centres[mode[i] * LATENT + l] + 0.5 * spread();
  return {
    teacher: view(z, n, ofTeacher, 0.15, bell(6)),
    student: view(z, n, ofStudent, 0.25, bell(7)),
    teacherChannels: CHANNELS,
    studentChannels: CHANNELS,
  };
}

function view(z, n, projection, amount, noise) {
  const out = new Float32Array(n * CHANNELS);
  const row = new Float64Array(CHANNELS);
  for (let i = 0; i < n; i++) {
    row.fill(0);
    for (let l = 0; l < LATENT; l++)
      for (let d = 0; d < CHANNELS; d++) row[d] += z[i * LATENT + l] * projection[l * CHANNELS + d];
    for (let d = 0; d < CHANNELS; d++) out[i * CHANNELS + d] = row[d] + amount * noise();
  }
  return out;
}

const table = (rows, columns, next, scale) => Float64Array.from({ length: rows * columns }, () => next() * scale);

function bell(seed) {
  const draw = uniform(seed);
  return () => (draw() + draw() + draw() + draw() - 2) * 1.7320508075688772;
}

/** mulberry32 */
export function uniform(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
