import { PassThrough } from 'node:stream';
import { beforeEach, expect, type MockInstance, test, vi } from 'vitest';
import { closedPipeAsSignal } from './closed-pipe.js';
import { stoppedAtOnce, stopSignal } from './stop-signal.js';

let written: MockInstance;
let exited: MockInstance;
beforeEach(() => {
  written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  exited = vi.spyOn(process, 'exit').mockImplementation((() => {}) as () => never);
  return () => vi.restoreAllMocks();
});
const raise = (name: NodeJS.Signals): boolean => process.emit(name, name);

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE'] as const)('%s asks for a stop, and says so once', (name) => {
  const stop = stopSignal('stopping');
  raise(name);
  expect(stop.signal.aborted).toBe(true);
  raise('SIGHUP');
  raise('SIGPIPE');
  expect(written.mock.calls).toEqual([['\nstopping\n']]);
  expect(exited).not.toHaveBeenCalled();
  raise('SIGINT');
  expect(exited.mock.calls).toEqual([[130]]);
  stop.end();
  expect(process.listenerCount(name)).toBe(0);
});

test('before a command takes it over, a Ctrl-C is told and ends the process', () => {
  process.once('SIGINT', stoppedAtOnce);
  raise('SIGINT');
  expect(written.mock.calls).toEqual([['\nstopped\n']]);
  expect(exited.mock.calls).toEqual([[130]]);
  process.once('SIGINT', stoppedAtOnce);
  const stop = stopSignal('stopping');
  raise('SIGINT');
  expect(written.mock.calls.at(-1)).toEqual(['\nstopping\n']);
  expect(exited).toHaveBeenCalledTimes(1);
  stop.end();
});

test('a pipe that is closed stops a training, and ends everything else', () => {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream;
  closedPipeAsSignal(stream);
  const closed = () => stream.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  const stop = stopSignal('stopping');
  closed();
  closed();
  expect(stop.signal.aborted).toBe(true);
  expect(exited).not.toHaveBeenCalled();
  stop.end();
  closed();
  expect(exited.mock.calls).toEqual([[141]]);
  expect(() => stream.emit('error', Object.assign(new Error('full'), { code: 'ENOSPC' }))).toThrow('full');
});
