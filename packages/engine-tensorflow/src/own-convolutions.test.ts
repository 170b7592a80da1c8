import type { OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { needsTensorflow } from '../../../tests/needs-tensorflow.js';
import { currentBackend, runOp } from './run-op.js';
import { startTensorflow, traced } from './testing/traced.js';

needsTensorflow(startTensorflow);
beforeEach(({ skip }) => {
  skip(!currentBackend().binding.hasOwnConvolutions(), 'no own convolutions with this processor and compiler');
});

/** [b, h, w, c] to d channels. */
type Case = readonly [b: number, h: number, w: number, c: number, d: number];

const normal = (shape: readonly number[], seed: number, deviation = 1): tf.Tensor4D =>
  tf.randomNormal<tf.Rank.R4>(shape as [number, number, number, number], 0, deviation, 'float32', seed);

/** Runs it with TensorFlow's convolutions alone. */
function byTensorflow<T>(run: () => T): T {
  const without = vi.spyOn(currentBackend().binding, 'hasOwnConvolutions').mockReturnValue(false);
  try {
    return run();
  } finally {
    without.mockRestore();
  }
}

/** What ops `run` runs. */
function opsOf(run: () => unknown): string[] {
  const ran = vi.spyOn(currentBackend().binding, 'executeOp');
  tf.tidy(() => void run());
  const ops = ran.mock.calls.map(([op]) => op);
  ran.mockRestore();
  return ops;
}

/** The largest difference, as a share of the largest value. */
function off(found: tf.Tensor, wanted: tf.Tensor): number {
  expect(found.shape).toEqual(wanted.shape);
  return tf.tidy(() => tf.div(tf.max(tf.abs(tf.sub(found, wanted))), tf.max(tf.abs(wanted))).dataSync()[0]!);
}

const gradientsOf = (x: tf.Tensor4D, kernel: tf.Tensor4D, dy: tf.Tensor4D, stride = 1, pad: number | 'same' = 1) =>
  tf.grads((map, taps) => tf.conv2d(map as tf.Tensor4D, taps as tf.Tensor4D, stride, pad))([x, kernel], dy);

const MOST = 1e-5;

describe('convolutions of 3 x 3 by fewer products', () => {
  const cases: readonly (readonly [Case])[] = [
    [[1, 4, 4, 16, 16]],
    [[2, 9, 13, 17, 37]],
    [[1, 1, 30, 16, 48]],
    [[3, 6, 5, 33, 16]],
    [[2, 21, 10, 64, 31]],
    // More than one piece of work, and of a sum over tiles.
    [[2, 62, 63, 96, 72]],
  ];
  it.each(cases)('give what plain sums give, with their gradients: %j', ([b, h, w, c, d]) => {
    tf.tidy(() => {
      const [x, dy] = [normal([b, h, w, c], 1), normal([b, h, w, d], 3)];
      const kernel = normal([3, 3, c, d], 2, 2 / Math.sqrt(9 * c));
      const bias = tf.randomNormal<tf.Rank.R1>([d], 0, 3, 'float32', 4);
      const all = (): tf.Tensor[] => [
        tf.conv2d(x, kernel, 1, 'same'),
        ...(['linear', 'relu', 'relu6'] as const).map((activation) =>
          tf.fused.conv2d({ x, filter: kernel, strides: 1, pad: 1, bias, activation }),
        ),
        ...gradientsOf(x, kernel, dy),
      ];
      expect(opsOf(all)).toEqual([
        ...Array<string>(5).fill('KdConvolution'),
        'KdConvolutionInputGradient',
        b * h * w < 256 ? 'Conv2DBackpropFilter' : 'KdConvolutionKernelGradient',
      ]);
      const [direct] = runOp('KdConvolutionKernelGradient', [], [x, dy], 1);
      expect(
        off(
          direct!,
          byTensorflow(() => gradientsOf(x, kernel, dy)[1]!),
        ),
      ).toBeLessThan(MOST);
      const wanted = byTensorflow(all);
      all().forEach((made, i) => expect(off(made, wanted[i]!), `${i}`).toBeLessThan(MOST));
    });
  });

  it('are off by at most two and a half times as much as plain sums are', () => {
    const [b, h, w, c, d] = [1, 12, 12, 256, 16];
    tf.tidy(() => {
      const [x, kernel] = [tf.relu(normal([b, h, w, c], 1)), normal([3, 3, c, d], 2, 0.05)];
      const [map, taps] = [x.dataSync(), kernel.dataSync()];
      const sums = (rounded: (value: number) => number): Float64Array =>
        Float64Array.from({ length: h * w * d }, (_, at) => {
          const [k, z, y] = [at % d, Math.floor(at / d) % w, Math.floor(at / d / w)];
          let sum = 0;
          for (let i = 0; i < 9; i++) {
            const [row, column] = [y + Math.floor(i / 3) - 1, z + (i % 3) - 1];
            if (row < 0 || row >= h || column < 0 || column >= w) continue;
            for (let n = 0; n < c; n++)
              sum = rounded(sum + map[(row * w + column) * c + n]! * taps[(i * c + n) * d + k]!);
          }
          return sum;
        });
      const exact = sums((value) => value);
      const error = (values: ArrayLike<number>): number => Math.hypot(...exact.map((value, i) => value - values[i]!));
      const own = error(tf.conv2d(x, kernel, 1, 'same').dataSync());
      expect(own / error(sums(Math.fround))).toBeLessThan(2.5);
      expect(own / Math.hypot(...exact)).toBeLessThan(2e-6);
    });
  });

  it('let through what is no number, and nothing of it to other tiles', () => {
    tf.tidy(() => {
      const values = new Float32Array(12 * 12 * 16).fill(1);
      values[(5 * 12 + 5) * 16] = NaN;
      const x = tf.tensor4d(values, [1, 12, 12, 16]);
      const bias = tf.zeros<tf.Rank.R1>([16]);
      const y = tf.fused.conv2d({ x, filter: tf.ones([3, 3, 16, 16]), strides: 1, pad: 1, bias, activation: 'relu' });
      const isNumber = [...tf.slice(y, [0, 0, 0, 0], [1, 12, 12, 1]).dataSync()].map((value) => !Number.isNaN(value));
      // Those that see it.
      for (let i = 4; i <= 6; i++) for (let j = 4; j <= 6; j++) expect(isNumber[i * 12 + j]).toBe(false);
      isNumber.forEach((it, i) => {
        if (i % 12 < 4 || i % 12 > 7 || i < 48 || i >= 96) expect(it, `${i}`).toBe(true);
      });
    });
  });

  it('are exactly the bias where they see zeros alone, and the gradient of the input zero', () => {
    tf.tidy(() => {
      // Of two corners of a map, one pixel each.
      const values = new Float32Array(13 * 13 * 16);
      for (let c = 0; c < 16; c++) for (const pixel of [0, 6 * 13 + 6]) values[pixel * 16 + c] = Math.sin(c + pixel);
      const dots = tf.tensor4d(values, [1, 13, 13, 16]);
      const kernel = normal([3, 3, 16, 16], 2);
      const near = (y: number, x: number): boolean => (y < 2 && x < 2) || (Math.abs(y - 6) < 2 && Math.abs(x - 6) < 2);
      const bias = tf.randomNormal<tf.Rank.R1>([16], 0, 1, 'float32', 4);
      const y = tf.fused.conv2d({ x: dots, filter: kernel, strides: 1, pad: 1, bias }).dataSync();
      const [dx] = gradientsOf(tf.zeros([1, 13, 13, 16]), kernel, dots);
      const gradient = dx!.dataSync();
      const wanted = bias.dataSync();
      for (let i = 0; i < 13; i++)
        for (let j = 0; j < 13; j++)
          for (let c = 0; c < 16; c++) {
            const at = (i * 13 + j) * 16 + c;
            expect(y[at] === wanted[c], `${i}, ${j}`).toBe(!near(i, j));
            expect(gradient[at] === 0, `${i}, ${j}`).toBe(!near(i, j));
          }
    });
  });

  it('are a part of a trace, to the bit', () => {
    tf.tidy(() => {
      const given = [normal([2, 9, 13, 17], 1), normal([3, 3, 17, 37], 2), normal([2, 9, 13, 37], 3)];
      const run = (...[x, kernel, dy]: tf.Tensor[]): tf.Tensor[] => [
        tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, 1),
        ...gradientsOf(x as tf.Tensor4D, kernel as tf.Tensor4D, dy as tf.Tensor4D),
      ];
      const { fn, call } = traced(run, given);
      const wanted = run(...given);
      call(...given).forEach((made, i) => expect(made.dataSync()).toEqual(wanted[i]!.dataSync()));
      currentBackend().binding.removeFunction(fn);
    });
  });

  it('give zeros for an empty batch', () => {
    tf.tidy(() => {
      const [x, dy] = [tf.zeros([0, 8, 8, 16]), tf.zeros([0, 8, 8, 16])];
      const [sums] = runOp('KdConvolutionKernelGradient', [], [x, dy], 1);
      expect(sums!.shape).toEqual([3, 3, 16, 16]);
      expect(sums!.dataSync().every((value) => value === 0)).toBe(true);
      const [y] = runOp('KdConvolutionInputGradient', [], [tf.zeros([3, 3, 16, 16]), dy], 1);
      expect(y!.shape).toEqual([0, 8, 8, 16]);
    });
  });

  it('refuse what does not fit, by name', () => {
    const [x, kernel, none] = [tf.zeros([1, 4, 4, 16]), tf.zeros([3, 3, 8, 16]), tf.zeros([0])];
    const relu = { name: 'relu', type: 'int', value: 0 } as const;
    expect(() => runOp('KdConvolution', [relu], [x, kernel, none], 1)).toThrow(/KdConvolution needs x/);
    expect(() => runOp('KdConvolutionInputGradient', [], [none, x], 1)).toThrow(/KdConvolutionInputGradient needs/);
    expect(() => runOp('KdConvolutionKernelGradient', [], [x, none], 1)).toThrow(/KdConvolutionKernelGradient needs/);
    tf.dispose([x, kernel, none]);
  });

  it.each<[Case, share: number]>([
    [[2, 21, 30, 17, 37], 0.01],
    [[3, 16, 17, 33, 16], 0.2],
    // More places than are summed over at once.
    [[2, 100, 100, 96, 72], 0.24],
  ])('sum gradients of kernels plainly where few results have one: %j, %d', ([b, h, w, c, d], share) => {
    tf.tidy(() => {
      const [x, kernel] = [normal([b, h, w, c], 1), normal([3, 3, c, d], 2)];
      const has = tf.less(tf.randomUniform([b, h, w, 1], 0, 1, 'float32', 4), share);
      const dy = tf.mul<tf.Tensor4D>(normal([b, h, w, d], 3), tf.cast(has, 'float32'));
      const run = (): tf.Tensor => gradientsOf(x, kernel, dy)[1]!;
      expect(opsOf(run)).toContain('KdConvolutionKernelGradient');
      expect(off(run(), byTensorflow(run))).toBeLessThan(MOST);
    });
  });

  it('leave the gradient of a kernel at zero for taps where pixels and results never meet', () => {
    tf.tidy(() => {
      // Of each four columns two have pixels, and the first has results.
      const ones = (...columns: number[]) =>
        tf.tensor(
          Array.from({ length: 20 }, (_, i) => columns[i % 4]!),
          [20, 1],
        );
      const x = tf.mul<tf.Tensor4D>(normal([1, 20, 20, 16], 1), ones(1, 1, 0, 0));
      const dy = tf.mul<tf.Tensor4D>(normal([1, 20, 20, 16], 2), ones(1, 0, 0, 0));
      const run = (): tf.Tensor => gradientsOf(x, tf.zeros([3, 3, 16, 16]), dy)[1]!;
      expect(opsOf(run)).toContain('KdConvolutionKernelGradient');
      const [left, centre, right] = tf.unstack(run(), 1);
      expect([left, centre, right].map((taps) => taps!.dataSync().filter((value) => value === 0).length)).toEqual([
        ...[3 * 256, 0, 0],
      ]);
    });
  });
});

it('gradients of kernels over few places are TensorFlow’s, whose zeros are zero', () => {
  tf.tidy(() => {
    const [x, dy] = [normal([2, 8, 8, 16], 1), normal([2, 8, 8, 16], 2)];
    expect(opsOf(() => gradientsOf(x, normal([3, 3, 16, 16], 3), dy))).toEqual([
      ...['KdConvolution', 'KdConvolutionInputGradient', 'Conv2DBackpropFilter'],
    ]);
  });
});

describe('gradients of small kernels with strides', () => {
  it.each<[Case, kernel: number, stride: number, pad: number]>([
    [[2, 33, 31, 3, 8], 7, 2, 3],
    [[1, 12, 9, 5, 17], 3, 2, 1],
    [[2, 10, 11, 4, 33], 3, 3, 0],
    [[3, 9, 9, 8, 40], 2, 2, 1],
    // More images than are laid out at once.
    [[40, 96, 96, 3, 16], 7, 2, 3],
  ])('are products: %j by %i, stride %i, border %i', ([b, h, w, c, d], size, stride, pad) => {
    tf.tidy(() => {
      const x = normal([b, h, w, c], 1);
      const kernel = normal([size, size, c, d], 2);
      const dy = normal(tf.conv2d(x, kernel, stride, pad === 0 ? 'valid' : pad).shape, 3);
      const run = (): tf.Tensor => gradientsOf(x, kernel, dy, stride, pad)[1]!;
      expect(opsOf(run)).toContain('KdStridedKernelGradient');
      expect(off(run(), byTensorflow(run))).toBeLessThan(MOST);
    });
  });

  it('take a border that is wider than what the taps see', () => {
    tf.tidy(() => {
      const [x, kernel] = [normal([2, 4, 1, 3], 1), normal([2, 2, 3, 4], 2)];
      const border: tf.backend_util.ExplicitPadding = [
        [0, 0],
        [0, 0],
        [5, 5],
        [0, 0],
      ];
      const dy = normal([2, 3, 1, 4], 3);
      const gradient = tf.grad((taps) => tf.conv2d(x, taps as tf.Tensor4D, [1, 10], border));
      expect(opsOf(() => gradient(kernel, dy))).toContain('KdStridedKernelGradient');
      expect(
        gradient(kernel, dy)
          .dataSync()
          .every((value) => value === 0),
      ).toBe(true);
    });
  });

  it.each([[[0, 3, 3, 4]], [[1, 0, 3, 4]], [[1, 3, 3, 0]]])('give zeros where there are no results: %j', (ofDy) => {
    tf.tidy(() => {
      const numbers = { down: 9, across: 2, top: 0, left: 0 };
      const attributes = Object.entries(numbers).map(([name, value]) => ({ name, type: 'int' as const, value }));
      const given = [tf.ones([ofDy[0]!, 1, 7, 3]), tf.ones(ofDy), tf.zeros([2, 2, 0])];
      const [made] = runOp('KdStridedKernelGradient', attributes, given, 1);
      expect(made!.shape).toEqual([2, 2, 3, ofDy[3]]);
      expect(made!.dataSync().every((value) => value === 0)).toBe(true);
    });
  });

  it('refuse what does not fit, by name', () => {
    const numbers = ['down', 'across', 'top', 'left'].map((name) => ({ name, type: 'int' as const, value: 0 }));
    const [x, taps] = [tf.zeros([1, 4, 4, 16]), tf.zeros([3, 3, 0])];
    expect(() => runOp('KdStridedKernelGradient', numbers, [x, x, taps], 1)).toThrow(/KdStridedKernelGradient needs/);
    tf.dispose([x, taps]);
  });
});

const centred = (dtype: tf.DataType): OpAttribute[] => [
  { name: 'T', type: 'type', value: dtype },
  { name: 'strides', type: 'int[]', value: [1, 1, 1, 1] },
  { name: 'padding', type: 'string', value: 'SAME' },
];

describe('other convolutions', () => {
  const x = (): tf.Tensor4D => tf.zeros([2, 16, 16, 32]);
  const kernel = (size = 3, c = 32, d = 32): tf.Tensor4D => tf.zeros([size, size, c, d]);
  it.each<[string, () => unknown]>([
    ['without a border', () => tf.conv2d(x(), kernel(), 1, 'valid')],
    ['of another border', () => tf.conv2d(x(), kernel(), 1, 2)],
    ['of one tap', () => tf.conv2d(x(), kernel(1), 1, 'same')],
    ['of 5 x 5', () => tf.conv2d(x(), kernel(5), 1, 'same')],
    ['with a stride', () => tf.conv2d(x(), kernel(), 2, 'same')],
    ['with holes', () => tf.conv2d(x(), kernel(), 1, 'same', 'NHWC', 2)],
    ['of groups', () => runOp('Conv2D', centred('float32'), [x(), kernel(3, 16)], 1)],
    [
      'of whole numbers',
      () => runOp('Conv2D', centred('int32'), [tf.cast(x(), 'int32'), tf.cast(kernel(), 'int32')], 1),
    ],
    ['of few channels', () => tf.conv2d(x(), kernel(3, 32, 8), 1, 'same')],
    [
      'of few places for many weights',
      () => tf.conv2d(tf.zeros<tf.Rank.R4>([1, 4, 4, 128]), kernel(3, 128, 128), 1, 'same'),
    ],
  ])('are TensorFlow’s: %s', (_, run) => {
    expect(opsOf(run).filter((op) => op.startsWith('Kd'))).toEqual([]);
  });

  it('are TensorFlow’s to refuse where results and sizes do not fit', () => {
    tf.tidy(() => {
      const strided = [
        ...centred('float32').slice(0, 1),
        { name: 'strides', type: 'int[]', value: [1, 2, 2, 1] },
      ] as const;
      const border: OpAttribute[] = [
        { name: 'padding', type: 'string', value: 'EXPLICIT' },
        { name: 'explicit_paddings', type: 'int[]', value: [0, 0, 1, 1, 1, 1, 0, 0] },
      ];
      const size = tf.tensor1d([3, 3, 32, 16], 'int32');
      const gradient = (attributes: readonly OpAttribute[], rows: number) =>
        runOp('Conv2DBackpropFilter', attributes, [x(), size, tf.zeros([2, rows, rows, 16])], 1);
      expect(() => tf.conv2dTranspose(x(), kernel(3, 16), [2, 20, 16, 16], 1, 'same')).toThrow(/Conv2DBackpropInput/);
      expect(() => gradient(centred('float32'), 15)).toThrow(/Conv2DBackpropFilter/);
      expect(() => gradient([...strided, ...border], 7)).toThrow(/Conv2DBackpropFilter/);
    });
  });
});

/** What a process of its own makes, by a hash of its bits, and the ops that it ran. */
const inProcess = (env: Record<string, string>): { hash: string; values: number[]; own: boolean } => {
  const script = `
    import { tensorflow } from '@kd/engine-tensorflow';
    import * as tf from '@tensorflow/tfjs-core';
    await tensorflow({ ownConvolutions: process.env.OWN !== 'false' }).start();
    const [x, kernel, dy] = [[2, 41, 37, 48], [3, 3, 48, 40], [2, 41, 37, 40]].map((shape, i) => tf.randomNormal(shape, 0, 1, 'float32', i + 1));
    const made = [tf.conv2d(x, kernel, 1, 1), ...tf.grads((map, taps) => tf.conv2d(map, taps, 1, 1))([x, kernel], dy)];
    const bytes = made.map((tensor) => Buffer.from(tensor.dataSync().buffer).toString('base64'));
    console.log(JSON.stringify({ bytes, own: tf.backend().binding.hasOwnConvolutions() }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  });
  if (stdout === '') throw new Error(stderr);
  const { bytes, own } = JSON.parse(stdout) as { bytes: string[]; own: boolean };
  const whole = Buffer.concat(bytes.map((text) => Buffer.from(text, 'base64')));
  const hash = createHash('sha256').update(whole).digest('hex');
  return { hash, values: [...new Float32Array(new Uint8Array(whole).buffer)], own };
};

describe('in processes of their own', () => {
  it('make the same bits with any number of threads, and much the same on vectors of another width', {
    timeout: 60_000,
  }, () => {
    const one = inProcess({ TF_NUM_INTRAOP_THREADS: '1' });
    expect(one.own).toBe(true);
    expect(inProcess({ TF_NUM_INTRAOP_THREADS: '3' }).hash).toBe(one.hash);
    const most = one.values.reduce((all, value) => Math.max(all, Math.abs(value)), 0);
    for (const isa of ['AVX2', 'SSE41']) {
      const other = inProcess({ ONEDNN_MAX_CPU_ISA: isa });
      expect(other.own).toBe(isa === 'AVX2');
      other.values.forEach((value, i) => {
        if (Math.abs(value - one.values[i]!) > 1e-5 * most)
          throw new Error(`${isa}: ${i} is ${value}, not ${one.values[i]}`);
      });
    }
  });

  it('are left to TensorFlow where the engine is told so', () => {
    expect(inProcess({ OWN: 'false' }).own).toBe(false);
  });

  it.each([
    ['ONEDNN_MAX_CPU_ISA', 'sse41'],
    ['DNNL_MAX_CPU_ISA', 'SSE41'],
  ])('and where oneDNN reads %s=%s', (name, value) => {
    expect(inProcess({ ONEDNN_MAX_CPU_ISA: '', [name]: value }).own).toBe(false);
  });
});
