import './reflect.js';
import { container as tsyringeRoot, type DependencyContainer } from 'tsyringe';
import type { Dataset } from './contract/data.js';
import type { Detector } from './contract/detector.js';
import type { Engine } from './contract/engine.js';
import type { PluginScope } from './contract/plugin.js';
import type { Token } from './contract/token.js';
import { KdError } from './errors.js';
import type { Logger } from './logger.js';
import type { Rng } from './rng.js';
import type { RunFolder } from './run/run-folder.js';

const token = <T>(name: string): Token<T> => Symbol.for(`@kd/core:${name}`);

/** The services of a run. */
export const ENGINE = token<Engine>('Engine');
export const LOGGER = token<Logger>('Logger');
export const RNG = token<Rng>('Rng');
export const RUN_FOLDER = token<RunFolder>('RunFolder');
export const DATASET = token<Dataset>('Dataset');
export const TEACHER = token<Detector>('Teacher');
export const STUDENT = token<Detector>('Student');

/** The services of one plugin, besides those of its run. */
export const PLUGIN_SCOPE = token<PluginScope>('PluginScope');
export const PLUGIN_OPTIONS = token<unknown>('PluginOptions');

/**
 * A level of services: root (empty) → run → plugin. Register first, then fork: a fork sees its parents, never its
 * siblings. The only file that knows tsyringe.
 */
export interface Services {
  register<T>(token: Token<T>, value: T): void;
  /** @throws KdError USAGE when nothing is registered */
  resolve<T>(token: Token<T>): T;
  /**
   * Makes an instance of an `@injectable()` class whose constructor parameters all carry `@inject(TOKEN)`.
   * @throws KdError USAGE naming a parameter without a token: tools that drop decorator metadata would inject undefined
   *   there
   */
  construct<T>(type: new (...parameters: never[]) => T): T;
  fork(): Services;
}

export function createServices(): Services {
  return wrap(tsyringeRoot.createChildContainer());
}

function wrap(container: DependencyContainer): Services {
  return {
    register: (key, value) => void container.registerInstance(key, value),
    resolve: <T>(key: Token<T>): T => {
      if (!container.isRegistered(key, true)) {
        throw new KdError(
          'USAGE',
          `no service is registered for ${String(key)}; services of a run exist once the run has started.`,
        );
      }
      return container.resolve<T>(key);
    },
    construct: <T>(type: new (...parameters: never[]) => T): T => {
      checkTokens(type);
      return container.resolve(type as unknown as new (...parameters: unknown[]) => T);
    },
    fork: () => wrap(container.createChildContainer()),
  };
}

/** tsyringe keeps what `@inject` was given under this key, by the index of the parameter. */
const TOKENS_KEY = 'injectionTokens';

function checkTokens(type: new (...parameters: never[]) => unknown): void {
  const tokens = (Reflect.getOwnMetadata(TOKENS_KEY, type) ?? {}) as Readonly<Record<number, unknown>>;
  for (let i = 0; i < type.length; i++) {
    if (tokens[i] === undefined)
      throw new KdError(
        'USAGE',
        `${type.name} cannot be constructed: parameter ${i + 1} of its constructor has no @inject(TOKEN).`,
      );
  }
}

export { inject, injectable } from 'tsyringe';
