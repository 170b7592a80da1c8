/** Of a map at the level of a stride: `cls@p3`. */
export const mapName = (name: string, stride: number): string => `${name}@p${Math.log2(stride)}`;
