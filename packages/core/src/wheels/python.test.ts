import { expect, it } from 'vitest';
import { runCommand } from './commands.js';
import { findPython } from './python.js';

it('prefers the activated environment to the python of the PATH, and says null without one', async () => {
  const asked: string[] = [];
  const run = async (command: string) => (
    asked.push(command),
    {
      code: command === 'python3' ? 0 : null,
      stdout: 'noise\n{"version":"3.11.7","tensorflow":null,"pip":"23.2.1"}\n',
      stderr: '',
    }
  );
  expect(await findPython({ VIRTUAL_ENV: '/venv' }, run)).toEqual({
    command: 'python3',
    version: '3.11.7',
    tensorflow: null,
    pip: '23.2.1',
  });
  expect(asked).toEqual(['/venv/bin/python', 'python3']);
  expect(await findPython({ KD_PYTHON: '/not/there' }, runCommand)).toBeNull();
});
