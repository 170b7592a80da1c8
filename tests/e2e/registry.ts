import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { root, temporaryFolder } from './kd.js';

export interface Registry {
  readonly url: string;
  /** Of a user who may publish. */
  readonly token: string;
  /** The newest version of a package, or null. */
  readonly latest: (name: string) => Promise<string | null>;
  readonly stop: () => void;
}

const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer()
      .on('error', fail)
      .listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        server.close(() => done(port));
      });
  });

/** What npm on this machine is set to: from there comes what is not ours. */
const upstream = (): string => spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).stdout.trim();

/**
 * A part of verdaccio that answers for packages of others with where they are: to pass them through itself would take
 * it longer than the installations.
 */
const elsewhere = (up: string): string => `
const OWN = /^\\/(@kd\\/|kd-plugin-|-\\/|$)/;
module.exports = () => ({
  register_middlewares: (app) =>
    app.use((request, answer, next) =>
      OWN.test(decodeURIComponent(request.path)) ? next() : answer.redirect(302, ${JSON.stringify(up)} + request.url),
    ),
});
`;

/** A connection of its own: one that is kept is closed by the other side while a test waits for a child process. */
const json = (url: string): Promise<unknown> =>
  new Promise((done, fail) => {
    get(url, { agent: false }, (answer) => {
      let text = '';
      answer
        .setEncoding('utf8')
        .on('data', (chunk: string) => (text += chunk))
        .on('end', () => done(JSON.parse(text)))
        .on('error', fail);
    }).on('error', fail);
  });

/**
 * A registry of npm packages on loopback: `@kd` packages and plugins by strangers are its own, for all others it sends
 * to the one of this machine.
 */
export async function startRegistry(): Promise<Registry> {
  const folder = temporaryFolder();
  const url = `http://127.0.0.1:${await freePort()}/`;
  const config = join(folder, 'config.json');
  const part = join(folder, 'plugins', 'verdaccio-elsewhere');
  mkdirSync(part, { recursive: true });
  writeFileSync(join(part, 'package.json'), JSON.stringify({ name: 'verdaccio-elsewhere', version: '1.0.0' }));
  writeFileSync(join(part, 'index.js'), elsewhere(upstream().replace(/\/$/, '')));
  // YAML reads JSON.
  writeFileSync(
    config,
    JSON.stringify({
      storage: join(folder, 'storage'),
      auth: { htpasswd: { file: join(folder, 'users'), max_users: 1 } },
      packages: { '{@kd/*,kd-plugin-*}': { access: '$all', publish: '$authenticated' } },
      plugins: join(folder, 'plugins'),
      middlewares: { elsewhere: { enabled: true } },
      log: { type: 'stdout', format: 'pretty', level: 'warn' },
      web: { enable: false },
      max_body_size: '50mb',
    }),
  );
  const child = spawn(
    process.execPath,
    [join(root, 'node_modules/verdaccio/bin/verdaccio'), '--config', config, '--listen', url],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  for (let tries = 0; ; tries++) {
    const answers = await fetch(`${url}-/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answers) break;
    if (tries === 300 || child.exitCode !== null) throw new Error(`The registry did not start.\n${said}`);
    await new Promise((done) => setTimeout(done, 200));
  }
  const user = { name: 'publisher', password: 'on this machine alone' };
  const answer = await fetch(`${url}-/user/org.couchdb.user:${user.name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(user),
  });
  const { token } = (await answer.json()) as { token?: string };
  if (token === undefined) throw new Error(`The registry gave no token: ${answer.status}\n${said}`);
  const latest = async (name: string): Promise<string | null> =>
    ((await json(`${url}${name.replace('/', '%2f')}`)) as { 'dist-tags'?: { latest?: string } })['dist-tags']?.latest ??
    null;
  return { url, token, latest, stop: () => void child.kill() };
}
