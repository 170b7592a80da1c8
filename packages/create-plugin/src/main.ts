import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { create } from './create.js';
import { type Kind, KINDS } from './naming.js';
import { ask } from './questions.js';

const OPTIONS = {
  kind: { type: 'string' },
  dir: { type: 'string' },
  description: { type: 'string' },
  yes: { type: 'boolean', short: 'y' },
  help: { type: 'boolean', short: 'h' },
} as const;

const help = (command: string): string => `Usage: ${command} [NAME] [options]

Writes a TypeScript package that builds, tests and trains as it is. NAME is my-plugin or @me/my-plugin.

  --kind KIND                 what it is: distiller, detector or teacher
  --dir FOLDER                where it goes (default: a folder of the name)
  --description TEXT          one line for its package.json
  -y, --yes                   ask nothing, take the defaults; so without a terminal, too
  -h, --help
`;

/**
 * What `pnpm create @kd/plugin` and `pnpm create @kd/detector` run.
 * @returns the exit code: 0 written, 1 not, 2 misused
 */
export async function main(made: Kind, argv: readonly string[]): Promise<number> {
  const command = `pnpm create @kd/${made === 'distiller' ? 'plugin' : 'detector'}`;
  const fail = (code: number, message: string): number => {
    process.stderr.write(`${message}\n`);
    return code;
  };
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    return fail(2, `${(error as Error).message}\n\n${help(command)}`);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(help(command));
    return 0;
  }
  if (positionals.length > 1)
    return fail(2, `One name is enough; there are ${positionals.length}: ${positionals.join(', ')}.`);
  const kind = KINDS.find((one) => one === values.kind);
  if (values.kind !== undefined && kind === undefined)
    return fail(2, `--kind ${values.kind}: there are ${KINDS.join(', ')}.`);

  const name = positionals[0];
  const asks = name === undefined && !values.yes && process.stdin.isTTY && process.stdout.isTTY;
  const answers = asks
    ? await ask(kind ?? (made === 'detector' ? made : null))
    : { kind: kind ?? made, name: name ?? `my-${kind ?? made}` };
  if (answers === null) return 1;
  try {
    const { folder, packageName, files } = create({ ...answers, folder: values.dir, description: values.description });
    process.stdout.write(
      `${packageName}: ${files.length} files in ${relative('.', folder) || '.'}\n\n${nextSteps(relative('.', folder), answers.kind)}`,
    );
    return 0;
  } catch (error) {
    return fail(1, (error as Error).message);
  }
}

function nextSteps(folder: string, kind: Kind): string {
  const manager = /^(pnpm|npm|yarn|bun)\//.exec(process.env.npm_config_user_agent ?? '')?.[1] ?? 'pnpm';
  const steps = [
    `cd ${folder}`,
    `${manager} install`,
    `${manager} test`,
    ...(kind === 'distiller' ? ['teacher', 'train'] : ['train']).map((script) => `${manager} run ${script}`),
  ];
  return `${steps.map((step) => `  ${step}`).join('\n')}\n`;
}
