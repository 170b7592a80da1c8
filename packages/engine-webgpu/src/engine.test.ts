import { spawnSync } from 'node:child_process';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { setTimeout } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, expect, it, vi } from 'vitest';
import { describeOnGraphicsCard } from '../../../tests/graphics-card.js';
import { webgpu } from './engine.js';
import { Faults } from './faults.js';
import { findAdapter } from './gpu.js';

const kdError = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'KdError', code, message: expect.stringMatching(message) as string }) as Error;

/** A program that has a device alone, which works while garbage is collected. */
const COLLECTED = `
  import { findAdapter } from '${new URL('../dist/gpu.js', import.meta.url).href}';
  for (let i = 0; i < 6; i++) {
    const device = await (await findAdapter({})).adapter.requestDevice();
    for (let j = 0; j < 8; j++) {
      const buffer = device.createBuffer({ size: 65536, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
      const mapped = buffer.mapAsync(GPUMapMode.READ);
      gc();
      await new Promise((done) => setImmediate(done));
      await mapped;
      buffer.destroy();
    }
    device.destroy();
    await device.lost;
  }
  process.exit(0);
`;

describeOnGraphicsCard('the engine webgpu', () => {
  beforeEach(async () => void (await webgpu().start()));

  it('starts once, tells what it runs on, and leaves no GPU in the navigator', async () => {
    const info = await webgpu().start();
    expect(info).toMatchObject({ name: 'webgpu', backend: 'webgpu', device: 'gpu', library: null });
    expect(info.deviceName).not.toBe('');
    expect(await webgpu({ powerPreference: 'low-power' }).start(), 'the options of the first start count').toBe(info);
    expect(tf.getBackend()).toBe('webgpu');
    expect((globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu).toBeUndefined();
  });

  it('says which adapters there are where none has the name', async () => {
    await expect(findAdapter({ adapter: 'no such card' })).rejects.toThrow(
      kdError('ENGINE_UNAVAILABLE', /^no graphics adapter has "no such card" in its name\. There (is|are): \S/),
    );
    const name = (await findAdapter({})).adapter.info.description;
    expect(name).not.toBe('');
  });

  it('keeps what devices are made by, which Dawn does not outlive', () => {
    const { status, stderr } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', COLLECTED], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
  });

  it('adds more tensors than a shader of the adapter may read, as a clipped gradient does', async () => {
    const { numTensors } = tf.memory();
    const parts = Array.from({ length: 60 }, (_, i) => tf.tensor1d([i, 0.5]));
    const sum = tf.addN(parts);
    expect([...(await sum.data())]).toEqual([1770, 30]);
    tf.dispose([sum, ...parts]);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it('refuses to read at once', () => {
    const x = tf.tidy(() => tf.add(tf.ones([2]), 1));
    expect(() => x.dataSync()).toThrow(kdError('USAGE', /await tensor\.data\(\)/));
    x.dispose();
  });

  it('gives no data after a program that the device refused, and names the kernel, until it is started anew', async () => {
    const backend = tf.backend() as WebGPUBackend;
    const x = tf.ones([3]);
    const stock = backend.runWebGPUProgram.bind(backend);
    const run = vi.spyOn(backend, 'runWebGPUProgram').mockImplementation((program, ...rest) => {
      const code = 'fn main(index : i32) { result[index] = 1i; }';
      return stock({ ...program, shaderKey: 'broken', getUserCode: () => code }, ...rest);
    });
    const broken = tf.tan(x);
    run.mockRestore();
    const next = tf.add(x, 1);
    const refused = kdError('ENGINE_UNAVAILABLE', /^WebGPU refused Tan, .* garbage: .*cannot assign/);
    await expect(next.data()).rejects.toThrow(refused);
    await expect(broken.data(), 'nor later').rejects.toThrow(refused);
    await webgpu().start();
    expect([...(await tf.tidy(() => tf.add(x, 1)).data())]).toEqual([2, 2, 2]);
    tf.dispose([x, broken, next]);
  });

  it('says that a tensor is too large, or all of them, and to take fewer', async () => {
    const { maxBufferSize } = (tf.backend() as WebGPUBackend).device.limits;
    const sum = tf.tidy(() => tf.slice(tf.fill([maxBufferSize / 4 + 1], 1), 0, 1));
    const smaller = 'Take a smaller batchSize or input; .*--engine wasm';
    await expect(sum.data()).rejects.toThrow(
      kdError(
        'ENGINE_UNAVAILABLE',
        new RegExp(`^a tensor is too large for the graphics device, in Fill: .*${smaller}`),
      ),
    );
    sum.dispose();
    const { software } = await webgpu().start();
    // A real card may have more memory than is to be asked of it here.
    if (software !== true) return;
    await webgpu().start();
    const all = Array.from({ length: 12 }, () => tf.fill([maxBufferSize / 4], 1));
    await expect(tf.tidy(() => tf.slice(all[0]!, 0, 1)).data()).rejects.toThrow(
      kdError('ENGINE_UNAVAILABLE', new RegExp(`^the graphics device has no memory left, in Fill: .*${smaller}`)),
    );
    tf.dispose(all);
  });

  it('refuses kernels of a device that is lost, with the way on', async () => {
    const { adapter } = await findAdapter({});
    const device = await adapter.requestDevice();
    const faults = new Faults();
    faults.watch(device);
    expect(faults.within('Add', () => 1)).toBe(1);
    device.destroy();
    await device.lost;
    const lost = kdError('ENGINE_UNAVAILABLE', /graphics device was lost \(destroyed\).*--resume.*--engine wasm/);
    expect(() => faults.within('Add', () => 1)).toThrow(lost);
    await expect(faults.check()).rejects.toThrow(lost);
    faults.forget();
    await expect(faults.check(), 'for good').rejects.toThrow(lost);
  });

  it('takes a device anew where the one it had is lost', async () => {
    const { device } = tf.backend() as WebGPUBackend;
    const old = tf.ones([3]);
    device.destroy();
    await device.lost;
    expect(() => tf.add(old, 1)).toThrow(kdError('ENGINE_UNAVAILABLE', /graphics device was lost/));
    const [info] = await Promise.all([webgpu().start(), webgpu().start()]);
    expect(info.deviceName).not.toBe('');
    expect((tf.backend() as WebGPUBackend).device).not.toBe(device);
    // Also by a kernel of ours, which is registered once.
    const sum = tf.tidy(() => tf.sum(tf.exp(tf.zeros([4]))));
    expect([...(await sum.data())]).toEqual([4]);
    tf.dispose([old, sum]);
    expect(await webgpu().start(), 'and keeps it').toBe(info);
  });

  it('times what the device is given, by part, and nothing before or after', async () => {
    const engine = webgpu();
    const heavy = (): void => tf.tidy(() => void tf.matMul(tf.ones([256, 512]), tf.ones([512, 256])));
    const light = (): void => tf.tidy(() => void tf.add(tf.ones([2]), 1));
    heavy();
    const clock = engine.timeDevice!()!;
    clock.enter('heavy');
    heavy();
    clock.enter('light');
    light();
    clock.enter('nothing');
    clock.enter('heavy');
    heavy();
    const times = await clock.stop();
    heavy();
    expect([...times.keys()]).toEqual(['heavy', 'light']);
    expect(times.get('light')).toBeGreaterThan(0);
    expect(times.get('heavy')).toBeGreaterThan(times.get('light')!);
    // One that nobody stops, as of a step that failed, is over when the next one begins; of nothing there is nothing.
    engine.timeDevice!()!.enter('lost');
    expect([...(await engine.timeDevice!()!.stop())]).toEqual([]);
  });

  it('times more passes than a set of timestamps has room for', async () => {
    const clock = webgpu().timeDevice!()!;
    const x = tf.ones([2]);
    for (let i = 0; i < 4200; i++) {
      clock.enter(i % 2 === 0 ? 'even' : 'odd');
      tf.add(x, 1).dispose();
    }
    const times = await clock.stop();
    x.dispose();
    for (const part of ['even', 'odd']) expect(times.get(part), part).toBeGreaterThan(0);
  });

  it('has no clock where the device has no timestamps', () => {
    const { device } = tf.backend() as WebGPUBackend;
    vi.spyOn(device.features, 'has').mockReturnValue(false);
    expect(webgpu().timeDevice!()).toBeNull();
  });

  it('leaves the device a step while the next is asked for, and no more', async () => {
    const engine = webgpu();
    const { queue } = tf.backend() as WebGPUBackend;
    const asked: (() => void)[] = [];
    vi.spyOn(queue, 'onSubmittedWorkDone').mockImplementation(
      () => new Promise((resolve) => asked.push(() => resolve(undefined))),
    );
    const x = tf.ones([2]);
    tf.add(x, 1).dispose();
    // What other tests asked for is done.
    await engine.keepPace!();
    expect(asked).toHaveLength(1);
    tf.add(x, 1).dispose();
    let waited = true;
    const second = engine.keepPace!().then(() => (waited = false));
    await setTimeout(20);
    expect(waited, 'for the first step').toBe(true);
    asked[0]!();
    await second;
    expect(asked, 'not for the second').toHaveLength(2);
    asked[1]!();
    vi.restoreAllMocks();
    await engine.keepPace!();
    x.dispose();
  });

  it.each([
    ['a thread for a row', [2, 40, 2100], 1],
    ['a group of threads for a row', [2, 40, 2100], 2],
    ['one row', [3000], 0],
  ] as const)('finds the first of the largest by %s', async (_, shape, axis) => {
    const x = tf.tidy(() => tf.floor(tf.mul(tf.randomUniform([...shape], 0, 1, 'float32', 5), 30)));
    const found = tf.argMax(x, axis);
    const [values, length, inner] = [await x.data(), shape[axis]!, shape.slice(axis + 1).reduce((a, b) => a * b, 1)];
    const wanted = Array.from({ length: values.length / length }, (_, row) => {
      const start = Math.floor(row / inner) * length * inner + (row % inner);
      const one = Array.from({ length }, (_, i) => values[start + i * inner]!);
      return one.indexOf(Math.max(...one));
    });
    expect([...(await found.data())]).toEqual(wanted);
    tf.dispose([x, found]);
  });

  it('sums no segments behind the last', async () => {
    const sums = tf.tidy(() => tf.unsortedSegmentSum(tf.tensor1d([1, 2, 4, 8]), tf.tensor1d([0, 2, 3, 1], 'int32'), 3));
    expect([...(await sums.data())]).toEqual([1, 8, 2]);
    sums.dispose();
  });

  it.each([
    [false, false],
    [true, false],
    [false, true],
  ])('has the gradient of resizing to the nearest: corners %s, half pixels %s', async (corners, half) => {
    for (const [from, to] of [
      [3, 7],
      [7, 3],
      [4, 8],
      [5, 5],
    ] as const) {
      const grown = (x: tf.Tensor): tf.Tensor =>
        tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [to, to + 1], corners, half);
      const [sum, product] = tf.tidy(() => {
        const x = tf.randomNormal([2, from, from, 3], 0, 1, 'float32', 1);
        const dy = tf.randomNormal([2, to, to + 1, 3], 0, 1, 'float32', 2);
        const dx = tf.grad(grown)(x, dy);
        // For a linear map <f(x), dy> is <x, dx>.
        return [tf.sum(tf.mul(grown(x), dy)), tf.sum(tf.mul(x, dx))];
      }) as [tf.Tensor, tf.Tensor];
      const [wanted, found] = [(await sum.data())[0]!, (await product.data())[0]!];
      expect(Math.abs(found - wanted), `${from} to ${to}`).toBeLessThan(1e-4 * (1 + Math.abs(wanted)));
      tf.dispose([sum, product]);
    }
  });
});
