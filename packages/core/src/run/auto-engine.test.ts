import { cpuEngine } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import type { Engine, EngineInfo } from '../contract/engine.js';
import { KdError } from '../errors.js';
import { autoEngine } from './auto-engine.js';

const runOp: NonNullable<Engine['runOp']> = () => [];
const unavailable: Engine = {
  ...cpuEngine(),
  start: async () => {
    throw new KdError('ENGINE_UNAVAILABLE', 'there is no compiler. Install one.');
  },
};

const onCard = (info: Partial<EngineInfo>): Engine => ({
  ...cpuEngine(),
  start: async () => ({ ...(await cpuEngine().start()), name: 'webgpu', device: 'gpu', ...info }),
});

/** An engine "auto" where these are installed, and what it told. */
function auto(installed: Readonly<Record<string, Engine>>) {
  const told: string[] = [];
  const logger = { info: (line: string) => void told.push(line), warn: () => undefined };
  const engine = autoEngine('.', logger, async (name) => {
    const found = installed[name];
    if (found === undefined) throw new KdError('PLUGIN_NOT_FOUND', `no engine named "${name}"`);
    return found;
  });
  return { engine, told };
}

describe('the engine "auto"', () => {
  it('is the first that starts, with all that this one has, and says nothing where that is the fastest', async () => {
    const { engine, told } = auto({ tensorflow: { ...cpuEngine(), runOp }, wasm: unavailable });
    expect([engine.name, engine.runOp]).toEqual(['auto', undefined]);
    expect(() => engine.capabilities()).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
    expect(await engine.start()).toMatchObject({ name: 'cpu' });
    expect([engine.name, engine.runOp]).toEqual(['cpu', runOp]);
    expect(engine.capabilities().threads).toBe(1);
    expect(await engine.start()).toMatchObject({ name: 'cpu' });
    expect(told).toEqual([]);
  });

  it.each([
    [
      { tensorflow: unavailable, wasm: cpuEngine() },
      'engine wasm: tensorflow, several times as fast, cannot run here: there is no compiler. Install one. webgpu, for graphics cards, is not installed (pnpm add @kd/engine-webgpu webgpu).',
    ],
    [
      { tensorflow: unavailable, webgpu: onCard({ deviceName: 'Card 1' }), wasm: cpuEngine() },
      'engine webgpu on Card 1: tensorflow, several times as fast, cannot run here: there is no compiler. Install one.',
    ],
    [
      { tensorflow: unavailable, webgpu: onCard({ deviceName: 'Emulated', software: true }), wasm: cpuEngine() },
      'engine wasm: tensorflow, several times as fast, cannot run here: there is no compiler. Install one. webgpu, for graphics cards, finds none here but a program on the processor, Emulated.',
    ],
    [
      { webgpu: unavailable, wasm: cpuEngine() },
      'engine wasm: tensorflow, several times as fast, is not installed (pnpm add @kd/engine-tensorflow). webgpu, for graphics cards, cannot run here: there is no compiler. Install one.',
    ],
  ])('says in one line why it is a slower one', async (installed, line) => {
    const { engine, told } = auto(installed);
    await engine.start();
    expect(told).toEqual([line]);
  });

  it('is refused with every way on where none runs', async () => {
    await expect(auto({ tensorflow: unavailable }).engine.start()).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message:
        'no engine runs here. tensorflow, several times as fast, cannot run here: there is no compiler. Install one. webgpu, for graphics cards, is not installed (pnpm add @kd/engine-webgpu webgpu). wasm is not installed (pnpm add @kd/engine-wasm).',
    });
  });

  it('hides no other error', async () => {
    const broken: Engine = {
      ...cpuEngine(),
      start: async () => {
        throw new Error('oh');
      },
    };
    await expect(auto({ tensorflow: broken, wasm: cpuEngine() }).engine.start()).rejects.toThrow('oh');
  });
});
