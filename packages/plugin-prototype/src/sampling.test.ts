import { type Annotation, createRng, type ImageRecord } from '@kd/core';
import { describe, expect, it } from 'vitest';
import { sampleInstances } from './sampling.js';

const object = (label: number, width: number, height = width, ignore = false): Annotation => ({
  id: 0,
  box: [1, 2, 1 + width, 2 + height],
  label,
  area: width * height,
  ignore,
});
const image = (id: number, ...annotations: Annotation[]): ImageRecord => ({
  id,
  file: `${id}`,
  width: 99,
  height: 99,
  annotations,
});
const draw = (images: ImageRecord[], maxImages = 800, seed = 1) =>
  sampleInstances(images, { classes: 2, maxImages, minSide: 30 }, createRng(seed, 'sample'));

describe('sampleInstances', () => {
  it('takes objects whose sides are both longer, and none that is to ignore', () => {
    const images = [
      image(5, object(0, 30.5, 30), object(0, 31, 31), object(1, 40, 40, true)),
      image(6, object(1, 29, 90)),
      image(7, object(1, 50, 60), object(0, 33)),
    ];
    const { images: places, instances, perClass } = draw(images);
    expect(places).toEqual([0, 2]);
    expect(instances.map(({ image: place, row, label }) => [place, row, label])).toEqual([
      [0, 1, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]);
    expect(perClass).toEqual([
      { images: 2, instances: 2 },
      { images: 1, instances: 1 },
    ]);
  });

  it('counts rows without annotations that are to ignore, as batches do', () => {
    expect(draw([image(1, object(0, 50, 50, true), object(0, 5), object(0, 40))]).instances).toMatchObject([
      { row: 1 },
    ]);
  });

  it('limits the images of a class, takes all its objects in them, and draws the same every time', () => {
    const images = Array.from({ length: 40 }, (_, id) =>
      image(id, object(0, 40), object(0, 50), ...(id % 4 === 0 ? [object(1, 60)] : [])),
    );
    const sample = draw(images, 5);
    expect(sample.perClass).toEqual([
      { images: 5, instances: 10 },
      { images: 5, instances: 5 },
    ]);
    expect(draw(images, 5)).toEqual(sample);
    expect(draw(images, 5, 2)).not.toEqual(sample);
    expect(sample.images.length).toBeLessThanOrEqual(10);
    expect(new Set(sample.images).size).toBe(sample.images.length);
    // An image that one class drew holds no instance of a class that did not draw it.
    const drawn = new Set(sample.instances.filter(({ label }) => label === 1).map(({ image: place }) => place));
    expect(drawn.size).toBe(5);
  });

  it('is empty where there is nothing', () => {
    expect(draw([image(1)])).toEqual({
      images: [],
      instances: [],
      perClass: [
        { images: 0, instances: 0 },
        { images: 0, instances: 0 },
      ],
    });
  });
});
