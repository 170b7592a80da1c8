// Writes an instances JSON of that many MB: node coco-file.mjs FILE MB [POINTS]
// With the default of 26 points in a polygon an annotation takes 490 bytes and an image has seven of them, as in COCO's
// train2017; with 0 there are boxes alone, as in Objects365. No pictures are written.
import { closeSync, openSync, writeSync } from 'node:fs';

const CLASSES = 80;
const PER_IMAGE = 7;

/** The same for the same arguments. */
export function writeCocoFile(file, megabytes, points = 26) {
  const images = Math.max(1, Math.round((megabytes * 1e6) / (111 + PER_IMAGE * (111 + 13.2 * points))));
  const random = generator(1);
  const number = (below) => Number((random() * below).toFixed(2));
  const out = openSync(file, 'w');
  const list = (key, count, make) => {
    writeSync(out, `"${key}": [`);
    for (let start = 0; start < count; start += 1000) {
      const entries = Array.from({ length: Math.min(1000, count - start) }, (_, i) => JSON.stringify(make(start + i)));
      writeSync(out, (start === 0 ? '' : ', ') + entries.join(', '));
    }
    writeSync(out, ']');
  };
  writeSync(out, '{"info": {"description": "made for a benchmark"}, ');
  list('images', images, (i) => ({
    id: i + 1,
    file_name: `${String(i + 1).padStart(12, '0')}.jpg`,
    width: 640,
    height: 480,
    date_captured: '2013-11-14 17:02:52',
  }));
  writeSync(out, ', ');
  list('annotations', images * PER_IMAGE, (i) => ({
    ...(points === 0
      ? {}
      : { segmentation: [Array.from({ length: 2 * points }, (_, k) => number(k % 2 === 0 ? 640 : 480))] }),
    area: number(9000),
    iscrowd: 0,
    image_id: Math.floor(i / PER_IMAGE) + 1,
    bbox: [number(500), number(400), 1 + number(139), 1 + number(79)],
    category_id: 1 + Math.floor(random() * CLASSES),
    id: i + 1,
  }));
  writeSync(out, ', ');
  list('categories', CLASSES, (i) => ({ id: i + 1, name: `class ${i + 1}` }));
  writeSync(out, '}\n');
  closeSync(out);
}

/** Numerical Recipes' linear congruential generator: fractions of 32 bits. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

if (process.argv[1] === import.meta.filename) {
  const [file, megabytes, points] = process.argv.slice(2);
  writeCocoFile(file, Number(megabytes), points === undefined ? undefined : Number(points));
}
