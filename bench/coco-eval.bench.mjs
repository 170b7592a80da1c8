// COCO evaluation of boxes, 5,000 images and 80 classes, about the size of COCO val2017. Timed: from annotations and
// results that are read
// and indexed to the twelve numbers (ours: evaluateCoco on a table; pycocotools: evaluate + accumulate + summarize).
// Not timed on
// either side: reading JSON and building the table or the index (table_ms has ours).
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cocoTable, evaluateCoco } from '@kd/metrics';
import { inTurn } from './peer.mjs';

export const name = 'coco-eval';

const IMAGES = 5000;
const CLASSES = 80;
// The peer takes a minute or two a round and has nothing to warm up.
const ROUNDS = 2;

export async function run({ peer }) {
  const { instances, results } = generate();
  const start = performance.now();
  const table = cocoTable(instances, results);
  const tableMs = Math.round(performance.now() - start);

  const folder = await mkdtemp(join(tmpdir(), 'kd-bench-'));
  let started = null;
  try {
    if (peer !== null) {
      await writeFile(join(folder, 'gt.json'), JSON.stringify(instances));
      await writeFile(join(folder, 'dt.json'), JSON.stringify(results));
      started = await peer('coco_eval.py', [join(folder, 'gt.json'), join(folder, 'dt.json')]);
    }
    const { ours, theirs, times } = await inTurn(() => evaluateCoco(table), started, {
      rounds: ROUNDS,
      warmPeer: false,
    });
    const numbers = Object.values(ours.metrics);
    const difference =
      theirs === null ? null : Math.max(...theirs.stats.map((value, i) => Math.abs(value - numbers[i])));
    if (difference !== null && !(difference <= 1e-9)) throw new Error(`the twelve numbers differ by ${difference}`);
    return {
      ...times,
      rounds: ROUNDS,
      images: IMAGES,
      classes: CLASSES,
      objects: instances.annotations.length,
      detections: results.length,
      AP: numbers[0],
      largest_difference: difference,
      table_ms: tableMs,
      timed: 'matching, accumulation and summary; no JSON, no indexing',
    };
  } finally {
    started?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Objects with noisy detections of most of them, and false alarms: about 7 objects and 40 detections an image. */
function generate() {
  const random = mulberry32(20240229);
  const between = (low, high) => low + (high - low) * random();
  const rounded = (value) => Math.round(value * 100) / 100;
  // Skewed like real classes: the first are frequent.
  const label = () => Math.floor(CLASSES * random() ** 2);
  const box = () => {
    const [w, h] = [Math.exp(between(Math.log(8), Math.log(300))), Math.exp(between(Math.log(8), Math.log(300)))];
    return [between(0, 640 - w), between(0, 480 - h), w, h].map(rounded);
  };
  const jitter = ([x, y, w, h], amount) => {
    const move = () => amount * between(-1, 1);
    return [x + move() * w, y + move() * h, Math.max(1, w * (1 + move())), Math.max(1, h * (1 + move()))].map(rounded);
  };
  const annotations = [];
  const results = [];
  for (let image = 1; image <= IMAGES; image++) {
    for (let n = Math.floor(between(0, 15)); n > 0; n--) {
      const bbox = box();
      const category = label() + 1;
      annotations.push({
        id: annotations.length + 1,
        image_id: image,
        category_id: category,
        bbox,
        area: rounded(bbox[2] * bbox[3] * between(0.5, 1)),
        iscrowd: random() < 0.01 ? 1 : 0,
      });
      for (let copies = Math.floor(between(0, 4)); copies > 0; copies--) {
        results.push({
          image_id: image,
          category_id: category,
          bbox: jitter(bbox, between(0, 0.3)),
          score: Math.round(random() ** 0.5 * 1e4) / 1e4,
        });
      }
    }
    for (let n = Math.floor(between(0, 60)); n > 0; n--) {
      results.push({
        image_id: image,
        category_id: label() + 1,
        bbox: box(),
        score: Math.round(random() ** 2 * 1e4) / 1e4,
      });
    }
  }
  return {
    instances: {
      images: Array.from({ length: IMAGES }, (_, i) => ({
        id: i + 1,
        width: 640,
        height: 480,
        file_name: `${i + 1}.jpg`,
      })),
      categories: Array.from({ length: CLASSES }, (_, i) => ({ id: i + 1, name: `class${i + 1}` })),
      annotations,
    },
    results,
  };
}

/** The same numbers everywhere: a small generator of uniform numbers in [0, 1). */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
