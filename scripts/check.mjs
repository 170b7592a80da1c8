// `tsc -p tsconfig.check.json`, then `eslint .`, of one program: half of what either takes is to find the types of all
// files. The exit code is 2 for wrong types, plus 4 for errors of lint; 1 is an error of its own.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (text) => process.stdout.write(`${text}\n`);
const style = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => root, getNewLine: () => '\n' };

function stop(diagnostic) {
  throw new Error(ts.formatDiagnostic(diagnostic, style));
}
const config = ts.getParsedCommandLineOfConfigFile(
  join(root, 'tsconfig.check.json'),
  {},
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: stop },
);
const program = ts.createProgram({
  rootNames: config.fileNames,
  options: config.options,
  // With parents, as the rules of eslint need them.
  host: ts.createCompilerHost(config.options, true),
  configFileParsingDiagnostics: ts.getConfigFileParsingDiagnostics(config),
});
const wrong = ts.getPreEmitDiagnostics(program);
say(`== types of tests, examples and configs\n${ts.formatDiagnostics(wrong, style)}`);

const eslint = new ESLint({
  cwd: root,
  overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions: { programs: [program] } } },
});
const results = await eslint.lintFiles('.');
const { format } = await eslint.loadFormatter();
say(`== lint\n${await format(results)}`);
process.exitCode = (wrong.length > 0 ? 2 : 0) + (results.some(({ errorCount }) => errorCount > 0) ? 4 : 0);
