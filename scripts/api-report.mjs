// Writes etc/NAME.api.md, the public API of each package in one page, from its built declarations (`pnpm api`); with
// --check it only says which are out of date.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes('--check');
const quiet = { default: { logLevel: 'none' } };

const entry = (name) => join(root, 'packages', name, 'dist/index.d.ts');

function configOf(name) {
  const folder = join(root, 'packages', name);
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(folder, 'package.json'),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: entry(name),
      compiler: { tsconfigFilePath: join(folder, 'tsconfig.json') },
      newlineKind: 'lf',
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: join(root, 'etc'),
        reportTempFolder: join(root, 'node_modules/.cache/api-report'),
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      // Neither release tags nor TSDoc's dialect are used here; what TypeScript finds wrong is an error.
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: quiet,
        tsdocMessageReporting: quiet,
      },
    },
  });
}

/** True when the page of a package is what its declarations say, or has been written. */
function report(name, config, compilerState) {
  const { apiReportChanged, succeeded } = Extractor.invoke(config, {
    compilerState,
    localBuild: !check,
    messageCallback: (message) => {
      message.handled = message.logLevel !== 'error';
    },
  });
  if (check && apiReportChanged)
    process.stderr.write(
      `The public API of @kd/${name} is not what etc/${name}.api.md says. If that is meant, run \`pnpm api\`, look at the difference, and add a changeset.\n`,
    );
  return succeeded || (!check && apiReportChanged);
}

const packages = readdirSync(join(root, 'packages')).filter((name) => {
  const file = join(root, 'packages', name, 'package.json');
  return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).exports?.['.'] !== undefined;
});
const configs = new Map(packages.map((name) => [name, configOf(name)]));
// All of them in one program: most of each is what they share.
const state = CompilerState.create([...configs.values()][0], { additionalEntryPoints: packages.map(entry) });
process.exit([...configs].map(([name, config]) => report(name, config, state)).every(Boolean) ? 0 : 1);
