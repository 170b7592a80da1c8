import { describe, expect, it } from 'vitest';
import { createRng } from './rng.js';

const draw = (rng: ReturnType<typeof createRng>) => Array.from({ length: 5 }, () => rng.uniform());

describe('createRng', () => {
  it('gives the same numbers for the same seed and names, others for others', () => {
    expect(draw(createRng(3, 'loader', 1))).toEqual(draw(createRng(3, 'loader', 1)));
    const streams = [
      createRng(3),
      createRng(4),
      createRng(3, 'a'),
      createRng(3, 'b'),
      createRng(3, 'a', 'b'),
      createRng(3, 'ab'),
      createRng(3, 1),
      createRng(3, '1'),
    ];
    expect(new Set(streams.map((rng) => draw(rng).join())).size).toBe(streams.length);
  });

  it('makes streams that do not care how much of their parent was used', () => {
    const used = createRng(0, 'a');
    draw(used);
    expect(draw(used.stream('b'))).toEqual(draw(createRng(0, 'a', 'b')));
  });

  it('includes both ends of int, shuffles without loss, and is normal', () => {
    const rng = createRng(1);
    const drawn = new Set(Array.from({ length: 200 }, () => rng.int(2, 4)));
    expect([...drawn].sort()).toEqual([2, 3, 4]);
    expect(rng.shuffle([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4]);
    const normal = Array.from({ length: 20_000 }, () => rng.normal());
    const mean = normal.reduce((sum, x) => sum + x, 0) / normal.length;
    const variance = normal.reduce((sum, x) => sum + (x - mean) ** 2, 0) / normal.length;
    // Five standard errors.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(normal.length));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / normal.length));
  });

  it('orders four things in all 24 ways about equally often', () => {
    const rng = createRng(7);
    const counts = new Map<string, number>();
    for (let i = 0; i < 4800; i++) {
      const order = rng.shuffle(['a', 'b', 'c', 'd']).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // 200 each expected with a deviation of 14: six of them.
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(84);
  });
});
