// Writes etc/core.api.md, the public API of @kd/core in one page, from its built declarations (`pnpm api`); with --check it only says whether that is up to date.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'packages/core');
const quiet = { default: { logLevel: 'none' } };

const config = ExtractorConfig.prepare({
  configObjectFullPath: undefined,
  packageJsonFullPath: join(folder, 'package.json'),
  configObject: {
    projectFolder: folder,
    mainEntryPointFilePath: join(folder, 'dist/index.d.ts'),
    compiler: { tsconfigFilePath: join(folder, 'tsconfig.json') },
    newlineKind: 'lf',
    apiReport: { enabled: true, reportFileName: 'core.api.md', reportFolder: join(root, 'etc'), reportTempFolder: join(root, 'node_modules/.cache/api-report'), includeForgottenExports: true },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    // Neither release tags nor TSDoc's dialect are used here; what TypeScript finds wrong is an error.
    messages: { compilerMessageReporting: { default: { logLevel: 'error' } }, extractorMessageReporting: quiet, tsdocMessageReporting: quiet },
  },
});

const check = process.argv.includes('--check');
const { apiReportChanged, succeeded } = Extractor.invoke(config, { localBuild: !check, messageCallback: (message) => { message.handled = message.logLevel !== 'error'; } });
if (check && apiReportChanged) process.stderr.write('The public API of @kd/core is not what etc/core.api.md says. If that is meant, run `pnpm api`, look at the difference, and add a changeset.\n');
process.exit(succeeded || (!check && apiReportChanged) ? 0 : 1);
