/**
 * Shapes as signed distances (negative inside) from a point of their own frame; they fit a circle of radius 1.
 * Distances are exact or close to it near the outline, which is where they serve as antialiasing.
 */
export const SHAPES = {
  disk: (x: number, y: number) => Math.sqrt(x * x + y * y) - 0.92,
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) - 0.78,
  triangle: (x: number, y: number) => Math.max(Math.abs(x) * 0.8660254 - y * 0.5, y) - 0.5,
  ring: (x: number, y: number) => Math.abs(Math.sqrt(x * x + y * y) - 0.68) - 0.24,
  cross: (x: number, y: number) => {
    const [a, b] = [Math.abs(x), Math.abs(y)];
    return Math.min(Math.max(a - 0.92, b - 0.32), Math.max(b - 0.92, a - 0.32));
  },
} as const;

export type Shape = keyof typeof SHAPES;

/** The distance from a shape. Called by name each, they become part of the loop that asks. */
export function distanceFrom(shape: Shape, x: number, y: number): number {
  switch (shape) {
    case 'disk':
      return SHAPES.disk(x, y);
    case 'square':
      return SHAPES.square(x, y);
    case 'triangle':
      return SHAPES.triangle(x, y);
    case 'ring':
      return SHAPES.ring(x, y);
    case 'cross':
      return SHAPES.cross(x, y);
  }
}
