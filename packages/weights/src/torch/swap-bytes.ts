/** Turns the bytes of every element round, in place: from a file of a machine that writes the highest one first. */
export function swapBytes(bytes: Uint8Array, element: number): void {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (element === 2) view.swap16();
  else if (element === 4) view.swap32();
  else if (element === 8) view.swap64();
}
