import { describe, expect, it, vi } from 'vitest';
import { info, toyModel } from '../test/model.js';
import { backends, createDetector, load } from './index.js';

/** 30 x 20 pixels, which the rule makes 12 x 8 and pads to 16 x 8: red on the left, blue on the right. */
const data = Uint8Array.from({ length: 30 * 20 * 4 }, (_, i) => {
  const left = Math.floor(i / 4) % 30 < 20;
  return [left ? 255 : 0, 0, left ? 0 : 255, 128][i % 4]!;
});
const image = { data, width: 30, height: 20 };

it('finds on onnxruntime, in pixels of the image', async () => {
  const detector = await load(toyModel());
  expect([detector.backend, detector.info]).toEqual(['cpu', info]);
  const found = await detector.detect(image);
  expect(found).toEqual([
    { box: [0, 0, 20, 20], score: 1, label: 0, class: 'red' },
    // Half of the second cell is padding: 127 less 100 of blue is seen there all the same.
    { box: [20, 0, 30, 20], score: expect.closeTo(1, 6), label: 2, class: 'blue' },
  ]);
  expect(await Promise.all([detector.detect(image), detector.detect(image)])).toEqual([found, found]);
  const last = detector.detect(image);
  await Promise.all([detector.dispose(), detector.dispose()]);
  expect(await last).toEqual(found);
  await expect(detector.detect(image)).rejects.toMatchObject({ code: 'DISPOSED', message: /load its model again/ });
});

it('offers WebGPU before WASM where there is a graphics card, after it where there is none', async () => {
  const offered = async (requestAdapter: () => unknown) => {
    vi.stubGlobal('process', undefined);
    vi.stubGlobal('navigator', { gpu: { requestAdapter } });
    try {
      return (await backends()).filter(({ name }) => name !== 'webgl');
    } finally {
      vi.unstubAllGlobals();
    }
  };
  const card = async () => ({ info: { isFallbackAdapter: false } });
  expect(await offered(card)).toEqual([{ name: 'webgpu' }, { name: 'wasm' }]);
  const slow = [{ name: 'wasm' }, { name: 'webgpu', software: true }];
  expect(await offered(async () => ({ info: { isFallbackAdapter: true } }))).toEqual(slow);
  // As browsers said it at first.
  expect(await offered(async () => ({ info: {}, isFallbackAdapter: true }))).toEqual(slow);
  const missing = (text: RegExp) => [{ name: 'webgpu', missing: expect.stringMatching(text) }, { name: 'wasm' }];
  expect(await offered(async () => null)).toEqual(missing(/no graphics adapter/));
  expect(await offered(async () => Promise.reject(new Error('no driver')))).toEqual(missing(/does not start/));
});

it('keeps what has the score that is asked for', async () => {
  const outputs = {
    // The third lies below the image, which is 12 x 8 pixels of the input; the last is another image's.
    boxes: { data: Float32Array.of(0, 0, 8, 8, -1, 2, 99, 7, 2, 8.5, 5, 12, 0, 0, 1, 1), dims: [4, 4] },
    scores: { data: Float32Array.of(0.9, 0.5, 0.45, 0.4), dims: [4] },
    labels: { data: BigInt64Array.of(0n, 2n, 1n, 1n), dims: [4] },
    image: { data: BigInt64Array.of(0n, 0n, 0n, 1n), dims: [4] },
  };
  const detector = createDetector(
    { ...info, outputs: 'detections' },
    { backend: 'mine', run: async () => outputs, dispose: async () => {} },
  );
  expect(await detector.detect(image, { score: 0.5 })).toEqual([
    { box: [0, 0, 20, 20], score: Math.fround(0.9), label: 0, class: 'red' },
    { box: [0, 5, 30, 17.5], score: 0.5, label: 2, class: 'blue' },
  ]);
  expect(await detector.detect(image)).toHaveLength(2);
});

describe('what cannot be is one clear error', () => {
  const code = (code: string, text: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(text) });

  it.each([
    ['no ONNX', new TextEncoder().encode('<!doctype html>'), /no ONNX file/],
    ['a part of a file', toyModel().subarray(0, 40), /a part of one/],
    ['another program’s', toyModel({}), /not written by kd export/],
    ['no JSON', toyModel({ kd: '{' }), /no JSON/],
    ['a later form', toyModel({ kd: '{"format":2}' }), /form 2/],
    ['maps that nobody decodes', toyModel({ kd: JSON.stringify({ ...info, post: undefined }) }), /without --raw/],
    [
      'maps of two stages',
      toyModel({ kd: JSON.stringify({ ...info, detector: 'cascade-rcnn', post: { kind: 'two-stage' } }) }),
      /the maps of cascade-rcnn, which are not decoded here: export it with its detections \(without --raw\)/,
    ],
  ])('a model: %s', async (_, bytes, text) => {
    await expect(load(bytes)).rejects.toEqual(code('MODEL_INVALID', text));
  });

  it.each([undefined, null, 42, {}, new Uint8Array(0)])('no model: %j', async (none) => {
    await expect(load(none as never)).rejects.toEqual(code('MODEL_INVALID', /no model: give the address/));
  });

  it('an address that nothing answers at', async () => {
    await expect(load('http://127.0.0.1:1/student.onnx')).rejects.toEqual(
      code('MODEL_INVALID', /student\.onnx cannot be fetched: (?!fetch failed)/),
    );
  });

  it.each([
    ['null', null, /not null/],
    ['without its data', { data: null, width: 1, height: 1 }, /Uint8Array/],
    ['a path', 'image.jpg', /not string/],
    ['numbers between 0 and 1', { data: new Float32Array(3), width: 1, height: 1 }, /Uint8Array/],
    ['too few', { data: new Uint8Array(8), width: 3, height: 1 }, /8 values are no image of 3 x 1/],
    ['of no size', { data: new Uint8Array(0), width: 0, height: 0 }, /0 x 0/],
    ['to be drawn, without a canvas', { width: 4, height: 4 }, /no canvas here/],
  ])('an image: %s', async (_, given, text) => {
    const detector = await load(toyModel());
    await expect(detector.detect(given as never)).rejects.toEqual(code('IMAGE_INVALID', text));
    await detector.dispose();
  });

  it('a back end that does not take the model', async () => {
    const create = async () => Promise.reject(new Error('no operator GroupNorm.'));
    const runtime = { InferenceSession: { create }, Tensor: class {} };
    await expect(load(toyModel(), { backend: 'webgl', runtime })).rejects.toEqual(
      code('BACKEND_MISSING', /on webgl: no operator GroupNorm. Take another back end/),
    );
    expect(await backends()).toEqual([{ name: 'cpu' }]);
  });

  // onnxruntime's WebGPU rejects the first run after its device was lost, and freezes the page in the second one.
  it('a back end that stops is not called again', async () => {
    const calls: string[] = [];
    const lost = 'failed to call OrtRun(). ERROR_CODE: 1, ERROR_MESSAGE: /build/webgpu/buffer.cc:643 device is lost';
    const session = {
      inputNames: ['images'],
      run: async () => (calls.push('run'), Promise.reject(new Error(lost))),
      release: async () => void calls.push('release'),
    };
    const runtime = { InferenceSession: { create: async () => session }, Tensor: class {} };
    const detector = await load(toyModel(), { backend: 'webgpu', runtime });
    for (const _ of [1, 2])
      await expect(detector.detect(image)).rejects.toEqual(
        code('BACKEND_MISSING', /^webgpu does not go on: device is lost\. Load the model for another back end/),
      );
    await detector.dispose();
    expect(calls).toEqual(['run']);
  });
});
