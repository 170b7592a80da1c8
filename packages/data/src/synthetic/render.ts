import { createRng, type Rng } from '@kd/core/plain';
import type { HostImage } from '../decode/image.js';
import { hashBits, smoothNoise } from './hash-noise.js';
import { around, layScene, type SceneOptions, type Thing } from './scene.js';
import { TEXTURES } from './textures.js';

type Colour = readonly [number, number, number];

/** Kept from picture to picture: a fresh one for each is work for the collector of garbage. */
let spare = new Float32Array(0);

/** Draws a picture of the set: the same numbers give the same bytes, on every machine and in every thread. */
export function syntheticImage(options: SceneOptions, picture: number): HostImage {
  const { width, height } = options;
  const rng = createRng(options.seed, 'synthetic-colours', picture);
  if (spare.length !== width * height * 3) spare = new Float32Array(width * height * 3);
  const canvas = spare; // [h, w, 3]
  paintBackground(canvas, width, height, rng);
  for (const thing of [...layScene(options, picture)].reverse())
    paintThing(canvas, width, height, thing, rng.stream(thing.seed));
  return { data: develop(canvas, options.noise, rng), width, height };
}

/** Smooth noise in two scales between two colours, under a faint grating. */
function paintBackground(canvas: Float32Array, width: number, height: number, rng: Rng): void {
  const [a, b] = [colour(rng), colour(rng)];
  const [coarse, fine] = [12 + 24 * rng.uniform(), 3 + 4 * rng.uniform()];
  const [seed, angle, period, grating] = [
    rng.int(0, 0x7fffffff),
    rng.uniform() * Math.PI,
    4 + 12 * rng.uniform(),
    0.35 * rng.uniform(),
  ];
  const [kx, ky] = [(2 * Math.PI * Math.cos(angle)) / period, (2 * Math.PI * Math.sin(angle)) / period];
  // sin(x kx + y ky) from sines of each axis: a sine per pixel would cost as much as the rest
  const [sines, cosines] = [new Float64Array(width), new Float64Array(width)];
  for (let x = 0; x < width; x++) {
    sines[x] = Math.sin(x * kx);
    cosines[x] = Math.cos(x * kx);
  }
  const [broadRow, narrowRow] = [smoothNoise(width, coarse, seed), smoothNoise(width, fine, seed + 1)];
  const [a0, a1, a2] = a;
  const [d0, d1, d2] = [b[0] - a0, b[1] - a1, b[2] - a2];
  for (let y = 0, i = 0; y < height; y++) {
    const [sin, cos] = [Math.sin(y * ky), Math.cos(y * ky)];
    const [broad, narrow] = [broadRow(y), narrowRow(y)];
    for (let x = 0; x < width; x++, i++) {
      const smooth = 0.65 * broad[x]! + 0.35 * narrow[x]!;
      const t = smooth * (1 - grating) + grating * (0.5 + 0.5 * (sines[x]! * cos + cosines[x]! * sin));
      canvas[i * 3] = a0 + d0 * t;
      canvas[i * 3 + 1] = a1 + d1 * t;
      canvas[i * 3 + 2] = a2 + d2 * t;
    }
  }
}

/** A share of an object's light that varies over it: no flat colours, as if it were lit from one side. */
const SHADING = 0.25;

function paintThing(canvas: Float32Array, width: number, height: number, thing: Thing, rng: Rng): void {
  const [[a0, a1, a2], [b0, b1, b2]] = contrasting(rng);
  const texture = TEXTURES[thing.texture](thing.seed);
  const { left, top, bottom, row } = around(thing, thing.x, thing.y, thing.radius, thing.angle);
  for (let py = Math.max(0, top); py <= Math.min(bottom, height - 1); py++) {
    const { distance, u, v } = row(py);
    for (let j = Math.max(0, -left); j < Math.min(distance.length, width - left); j++) {
      if (distance[j]! >= 0.5) continue;
      const cover = Math.min(1, 0.5 - distance[j]!);
      const t = texture(u[j]!, v[j]!);
      const light = 1 + SHADING * ((left + j - thing.x) / thing.radius) * 0.5;
      const i = (py * width + left + j) * 3;
      canvas[i] = canvas[i]! * (1 - cover) + (a0 + (b0 - a0) * t) * light * cover;
      canvas[i + 1] = canvas[i + 1]! * (1 - cover) + (a1 + (b1 - a1) * t) * light * cover;
      canvas[i + 2] = canvas[i + 2]! * (1 - cover) + (a2 + (b2 - a2) * t) * light * cover;
    }
  }
}

/** Contrast and brightness of the whole picture, then noise in every channel, then 8 bits. */
function develop(canvas: Float32Array, noise: number, rng: Rng): Uint8Array {
  const [contrast, brightness, seed] = [0.6 + 0.5 * rng.uniform(), -25 + 50 * rng.uniform(), rng.int(0, 0x7fffffff)];
  const spread = noise * Math.sqrt(6) * (0.5 + rng.uniform()); // the sum of two uniform numbers has the variance 1 / 6
  const out = new Uint8ClampedArray(canvas.length);
  for (let i = 0; i < out.length; i++) {
    const bits = hashBits(i, 0, seed);
    const grain = ((bits & 0xffff) + (bits >>> 16)) / 65536 - 1;
    out[i] = 128 + (canvas[i]! - 128) * contrast + brightness + grain * spread;
  }
  return new Uint8Array(out.buffer);
}

const colour = (rng: Rng): Colour => [30 + 195 * rng.uniform(), 30 + 195 * rng.uniform(), 30 + 195 * rng.uniform()];

/** Two colours whose lightness differs, so that a texture can be seen; how well is drawn, too. */
function contrasting(rng: Rng): readonly [Colour, Colour] {
  const [a, b] = [colour(rng), colour(rng)];
  const wanted = 45 + 90 * rng.uniform();
  const shift =
    lightness(a) < lightness(b) ? wanted - (lightness(b) - lightness(a)) : -(wanted - (lightness(a) - lightness(b)));
  const move = ([r, g, bl]: Colour, by: number): Colour => [r + by, g + by, bl + by];
  return [move(a, -shift / 2), move(b, shift / 2)];
}

const lightness = ([r, g, b]: Colour): number => 0.3 * r + 0.59 * g + 0.11 * b;
