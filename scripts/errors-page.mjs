// Writes docs/errors.md from the error codes of the built @kd/core (`pnpm docs:errors`); with --check it only says
// whether the page is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES } from '../packages/core/dist/errors.js';

const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs/errors.md');

const section = ([code, { meaning, cause, fix }]) => `## ${code}

${meaning}

- **Most often:** ${cause}
- **What to do:** ${fix}
`;

const page = `<!-- Made of packages/core/src/errors.ts by \`pnpm docs:errors\`: change it there. -->

# Errors

Whatever a user can cause ends in one error with a code, \`error [CODE] message\` on the command line and \`KdError\` with \`code\` and \`message\` in a program. The message
says what is wrong, where (file, line, key or id), why, and what to do instead; this page says what is behind each code. Under \`--json\` a command prints
\`{ "ok": false, "error": { "code", "message" } }\`, and its exit code is 1, or 2 for \`USAGE\`.

${Object.entries(ERROR_CODES).map(section).join('\n')}`;

if (!process.argv.includes('--check')) writeFileSync(file, page);
else if (readFileSync(file, 'utf8') !== page) {
  process.stderr.write('docs/errors.md is not what packages/core/src/errors.ts says; run `pnpm docs:errors`.\n');
  process.exit(1);
}
