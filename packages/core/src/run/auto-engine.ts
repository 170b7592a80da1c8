import type { Engine, EngineInfo } from '../contract/engine.js';
import { isKdError, KdError } from '../errors.js';
import type { Logger } from '../logger.js';
import { addCommand } from '../plugins/our-packages.js';
import { importByName } from '#host/discovery';

/** Engines that `auto` tries, the fastest first, and what people gain who get the others to run. */
const ORDER = [
  { name: 'tensorflow', gain: 'several times as fast' },
  { name: 'webgpu', gain: 'for graphics cards' },
  { name: 'wasm', gain: '' },
] as const;

/** How an engine of {@link ORDER} is found; tests put their own in its place. */
type Find = (name: string) => Promise<Engine>;

/**
 * The engine that stands for `auto`: once it starts, the first of those that are installed and run on this machine. It
 * tells when that is not the fastest, and what would be missing for that.
 */
export function autoEngine(
  folder: string,
  logger: Logger,
  find: Find = (name) => importByName('engine', name, folder),
): Engine {
  let chosen: Engine | undefined;
  const waiting: Engine = {
    name: 'auto',
    start: async () => {
      if (chosen !== undefined) return chosen.start();
      const { engine, info } = await firstThatStarts(find, logger);
      chosen = engine;
      return info;
    },
    capabilities: () => {
      throw new KdError('USAGE', 'what the engine "auto" can do is known once it has started: await start() first.');
    },
  };
  // It has what the chosen one has, native ops and compilation too.
  return new Proxy(waiting, {
    get: (of, key) => Reflect.get(key === 'start' || chosen === undefined ? of : chosen, key) as unknown,
    has: (of, key) => Reflect.has(chosen ?? of, key),
  });
}

async function firstThatStarts(find: Find, logger: Logger): Promise<{ engine: Engine; info: EngineInfo }> {
  const refusals: string[] = [];
  for (const { name, gain } of ORDER) {
    const said = gain === '' ? name : `${name}, ${gain},`;
    try {
      const engine = await find(name);
      const info = await engine.start();
      if (info.software === true) {
        refusals.push(`${said} finds none here but a program on the processor, ${info.deviceName}.`);
        continue;
      }
      const on = info.deviceName === undefined ? '' : ` on ${info.deviceName}`;
      if (refusals.length > 0) logger.info(`engine ${name}${on}: ${refusals.join(' ')}`);
      return { engine, info };
    } catch (error) {
      if (!isKdError(error) || !['PLUGIN_NOT_FOUND', 'ENGINE_UNAVAILABLE'].includes(error.code)) throw error;
      refusals.push(
        error.code === 'PLUGIN_NOT_FOUND'
          ? `${said} is not installed (${addCommand(`@kd/engine-${name}`)}).`
          : `${said} cannot run here: ${error.message}`,
      );
    }
  }
  throw new KdError('ENGINE_UNAVAILABLE', `no engine runs here. ${refusals.join(' ')}`);
}
