import { createRng, type Rng } from '@kd/core/plain';
import type { HostImage } from '../decode/image.js';
import { hashBits, smoothNoise } from './hash-noise.js';
import { forPixels, layScene, type SceneOptions, type Thing } from './scene.js';
import { TEXTURES } from './textures.js';

type Colour = readonly [number, number, number];

/** Draws a picture of the set: the same numbers give the same bytes, on every machine and in every thread. */
export function syntheticImage(options: SceneOptions, picture: number): HostImage {
  const { width, height } = options;
  const rng = createRng(options.seed, 'synthetic-colours', picture);
  const canvas = new Float32Array(width * height * 3); // [h, w, 3]
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
  const [sines, cosines] = [
    Float64Array.from({ length: width }, (_, x) => Math.sin(x * kx)),
    Float64Array.from({ length: width }, (_, x) => Math.cos(x * kx)),
  ];
  const [broad, narrow] = [smoothNoise(width, height, coarse, seed), smoothNoise(width, height, fine, seed + 1)];
  const [a0, a1, a2] = a;
  const [d0, d1, d2] = [b[0] - a0, b[1] - a1, b[2] - a2];
  for (let y = 0, i = 0; y < height; y++) {
    const [sin, cos] = [Math.sin(y * ky), Math.cos(y * ky)];
    for (let x = 0; x < width; x++, i++) {
      const smooth = 0.65 * broad[i]! + 0.35 * narrow[i]!;
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
  const [a, b] = contrasting(rng);
  const texture = TEXTURES[thing.texture](thing.seed);
  forPixels(thing, thing.x, thing.y, thing.radius, thing.angle, (px, py, distance, u, v) => {
    if (distance >= 0.5 || px < 0 || py < 0 || px >= width || py >= height) return;
    const cover = Math.min(1, 0.5 - distance);
    const t = texture(u, v);
    const light = 1 + SHADING * ((px - thing.x) / thing.radius) * 0.5;
    const i = (py * width + px) * 3;
    for (let c = 0; c < 3; c++) {
      const own = (a[c]! + (b[c]! - a[c]!) * t) * light;
      canvas[i + c] = canvas[i + c]! * (1 - cover) + own * cover;
    }
  });
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
