// pnpm release             versions from the changesets, a commit, a build, everything that the registry lacks
// published, tags
// pnpm release --dry-run   what that would be, without a registry; --files lists every file, --to FOLDER keeps there
// what was packed
//
// It asks for a token in NPM_TOKEN and goes to the registry that npm is set to. What was interrupted is gone on with by
// calling it again.
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import getReleasePlan from '@changesets/get-release-plan';
import { pack, removeStale } from './release/pack.mjs';
import { pnpm, root, run } from './release/pnpm.mjs';

const { values } = parseArgs({
  options: { 'dry-run': { type: 'boolean' }, files: { type: 'boolean' }, to: { type: 'string' } },
});
const folder = mkdtempSync(join(tmpdir(), 'kd-release-'));
const node = (...args) => run(process.execPath, args, { show: true });
const say = (line) => process.stdout.write(`${line}\n`);
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/** `{ path, size }` of everything in a tarball. */
const contents = (tarball) =>
  run('tar', ['tvzf', tarball])
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, , size, , , ...path] = line.split(/\s+/);
      return { path: path.join(' ').replace(/^package\//, ''), size: Number(size) };
    });

function show(releases) {
  const next = new Map(releases.map(({ name, newVersion, type }) => [name, { newVersion, type }]));
  let [bytes, unpacked] = [0, 0];
  say(['package'.padEnd(28), 'version'.padEnd(18), 'files', 'packed'.padStart(10), 'unpacked'.padStart(11)].join('  '));
  for (const { name, version, filename, size } of pack(values.to ? resolve(values.to) : folder)) {
    const files = contents(filename);
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const { newVersion = version } = next.get(name) ?? {};
    say(
      [
        name.padEnd(28),
        (newVersion === version ? version : `${version} → ${newVersion}`).padEnd(18),
        String(files.length).padStart(5),
        kilobytes(size).padStart(10),
        kilobytes(total).padStart(11),
      ].join('  '),
    );
    if (values.files) for (const file of files) say(`    ${file.path}  ${kilobytes(file.size)}`);
    [bytes, unpacked] = [bytes + size, unpacked + total];
  }
  say(
    `\n${next.size} packages get a new version, ${kilobytes(bytes)} packed, ${kilobytes(unpacked)} unpacked. Of the others those go that the registry lacks. Nothing was changed or sent.`,
  );
}

/** npm's settings of this user and the token, in a file of their own. */
function settings(registry, token) {
  const own = process.env.NPM_CONFIG_USERCONFIG ?? process.env.npm_config_userconfig ?? join(homedir(), '.npmrc');
  const file = join(folder, 'npmrc');
  if (existsSync(own)) copyFileSync(own, file);
  else writeFileSync(file, '', { mode: 0o600 });
  const { host, pathname } = new URL(registry);
  appendFileSync(file, `\n//${host}${pathname.replace(/\/?$/, '/')}:_authToken=${token}\n`);
  return file;
}

function publish(releases) {
  const token = process.env.NPM_TOKEN;
  if (!token)
    throw new Error(
      'NPM_TOKEN is not set. Make a token at the registry that may publish @kd, or look first: pnpm release --dry-run',
    );
  const changed = run('git', ['status', '--porcelain']);
  if (changed !== '')
    throw new Error(`Commit or drop these first, a release is made of what is committed:\n${changed}`);
  if (releases.length > 0) {
    node(join(root, 'node_modules/@changesets/cli/bin.js'), 'version');
    run('git', ['add', '--all']);
    run('git', [
      'commit',
      '--quiet',
      '--message',
      `Release: ${releases.map(({ name, newVersion }) => `${name} ${newVersion}`).join(', ')}`,
    ]);
  }
  node(join(root, 'node_modules/typescript-native/bin/tsc'), '-b');
  removeStale();
  const registry = run('npm', ['config', 'get', 'registry']).trim();
  // What is committed was checked above; packages that the registry has in this version are passed over.
  pnpm(['--recursive', 'publish', '--access', 'public', '--no-git-checks', '--registry', registry], {
    show: true,
    env: { NPM_CONFIG_USERCONFIG: settings(registry, token) },
  });
  node(join(root, 'node_modules/@changesets/cli/bin.js'), 'tag');
  say('Published. Now: git push --follow-tags');
}

try {
  const releases = (await getReleasePlan(root)).releases.filter(({ type }) => type !== 'none');
  (values['dry-run'] ? show : publish)(releases);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
