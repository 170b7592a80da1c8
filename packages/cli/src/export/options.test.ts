import { expect, test } from 'vitest';
import { exportOptions } from './options.js';

test('nothing said is float32, and the rest is left to the format', () => {
  expect(exportOptions({})).toEqual({ weights: 'float32' });
});

test('sizes, batches, inputs and weights as people write them', () => {
  expect(exportOptions({ size: '320x448' })).toMatchObject({ size: [320, 448] });
  expect(exportOptions({ size: '320×448' })).toMatchObject({ size: [320, 448] });
  expect(exportOptions({ size: 'dynamic', batch: 'dynamic' })).toMatchObject({ size: 'dynamic', batch: 'dynamic' });
  expect(exportOptions({ batch: 4, raw: true, fp16: true })).toEqual({ weights: 'float16', outputs: 'maps', batch: 4 });
  expect(exportOptions({ input: 'nchw,uint8', int8: 'weights' })).toEqual({
    weights: 'int8',
    layout: 'nchw',
    dtype: 'uint8',
  });
  expect(exportOptions({ input: ['uint8', 'nhwc'], detections: true })).toMatchObject({
    layout: 'nhwc',
    dtype: 'uint8',
    outputs: 'detections',
  });
});

test.each([
  [{ raw: true, detections: true }, /--raw .* --detections .*one of them/],
  [{ fp16: true, int8: 'weights' }, /--fp16 and --int8 both/],
  [{ int8: 'all' }, /--int8 all: .*--int8 weights/],
  [{ int8: true }, /--int8 true: .*--int8 weights/],
  [{ size: '320' }, /--size 320: give height and width/],
  [{ size: '320x' }, /--size 320x:/],
  [{ batch: 0 }, /--batch 0: give how many/],
  [{ batch: 1.5 }, /--batch 1\.5:/],
  [{ batch: 'many' }, /--batch many:/],
  [{ input: 'chw' }, /--input chw: it may be nhwc or nchw, float32 or uint8/],
  [{ input: 'nhwc,nchw' }, /--input says both nhwc and nchw/],
])('%j is refused', (flags, message) => {
  expect(() => exportOptions(flags)).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) as string }),
  );
});
