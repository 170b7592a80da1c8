const BARS = '▁▂▃▄▅▆▇█';

/**
 * The course of a value in `width` cells at most, its lowest at the bottom and its highest at the top; of more values
 * than cells each cell has the mean of its stretch.
 */
export function sparkline(values: readonly number[], width: number): string {
  const cells = Math.max(0, Math.min(Math.floor(width), values.length));
  const means = Array.from({ length: cells }, (_, i) => {
    const stretch = values.slice(
      Math.floor((i * values.length) / cells),
      Math.floor(((i + 1) * values.length) / cells),
    );
    return stretch.reduce((sum, value) => sum + value, 0) / stretch.length;
  });
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const bar = (value: number): string => BARS[high > low ? Math.round(((value - low) / (high - low)) * 7) : 0]!;
  return means.map(bar).join('');
}
