import 'reflect-metadata';
import { container as root } from 'tsyringe';
import { describe, expect, it } from 'vitest';
import { createServices, inject, injectable, LOGGER, RNG } from './container.js';
import { silentLogger } from './logger.js';
import { createRng } from './rng.js';

describe('services', () => {
  it('show a fork what its parent has, and never a sibling or a parent what a fork has', () => {
    const run = createServices();
    run.register(LOGGER, silentLogger);
    const [a, b] = [run.fork(), run.fork()];
    a.register(RNG, createRng(0));
    expect(a.resolve(LOGGER)).toBe(silentLogger);
    expect(a.resolve(RNG)).toBeDefined();
    expect(() => b.resolve(RNG)).toThrow(/no service is registered for Symbol\(@kd\/core:Rng\)/);
    expect(() => run.resolve(RNG)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('keep runs apart and the root empty', () => {
    createServices().register(LOGGER, silentLogger);
    expect(() => createServices().resolve(LOGGER)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(root.isRegistered(LOGGER)).toBe(false);
  });

  it('construct classes by their tokens', () => {
    @injectable()
    class Greeter {
      constructor(@inject(LOGGER) readonly logger: unknown) {}
    }
    const run = createServices();
    run.register(LOGGER, silentLogger);
    expect(run.construct(Greeter).logger).toBe(silentLogger);
  });

  it('refuse a class with a parameter without a token instead of injecting undefined', () => {
    @injectable()
    class Careless {
      constructor(
        @inject(LOGGER) readonly logger: unknown,
        readonly rng: object,
      ) {}
    }
    const run = createServices();
    run.register(LOGGER, silentLogger);
    expect(() => run.construct(Careless)).toThrow(/Careless cannot be constructed: parameter 2/);
  });
});
