/** Modules that do things to the machine, and functions that run text: no weights are made of them. */
const MODULES = new Set([
  'os',
  'posix',
  'nt',
  'sys',
  'subprocess',
  '_posixsubprocess',
  'pty',
  'shutil',
  'socket',
  'runpy',
  'importlib',
  'imp',
  'code',
  'codeop',
  'commands',
  'ctypes',
  'marshal',
  'webbrowser',
]);
const BUILTINS = new Set(['eval', 'exec', 'execfile', 'compile', '__import__', 'open', 'input', 'breakpoint']);

/**
 * Whether a name in a pickle is there to run code. It would not be run in any case; a file that asks for it is told for
 * what it is.
 */
export function isCode(name: string): boolean {
  const [module, ...rest] = name.split('.');
  return module === 'builtins' ? BUILTINS.has(rest.join('.')) : MODULES.has(module!);
}
