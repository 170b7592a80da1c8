import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Node ends with its version behind an error and its stack, Python with the error. */
const lastError = (text) => {
  const lines = text.trim().split('\n');
  return lines.findLast((line) => /Error/.test(line)) ?? lines.at(-1);
};

/**
 * Starts scripts of bench/peers with the interpreter, or is null where there is none. A script reads its input, prints
 * one JSON line when it
 * is ready (what it is, versions), then times itself once for each line on its standard input and prints one JSON line
 * with `ms`.
 */
export function peerFactory(python) {
  if (!python) return null;
  return async (script, args = []) => {
    const child = spawn(python, [fileURLToPath(new URL(`peers/${script}`, import.meta.url)), ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (chunk) => (errors = (errors + chunk).slice(-2000)));
    const ended = once(child, 'close').then(
      ([code]) => Promise.reject(new Error(`the peer ${script} ended with code ${code}: ${lastError(errors)}`)),
      (error) =>
        Promise.reject(new Error(`KD_PEER_PYTHON is "${python}", which could not be started: ${error.message}`)),
    );
    ended.catch(() => {});
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await Promise.race([lines.next(), ended])).value ?? (await ended));
    return {
      about: await next(),
      pid: child.pid,
      /** One timed run: `{ ms, … }`. @param line what the script reads for it */
      once: (line = '') => {
        child.stdin.write(`${line}\n`);
        return next();
      },
      close: () => child.stdin.end(),
    };
  };
}

/**
 * Times ours and the peer in turn, so that both meet the same weather, and keeps the least of each.
 * @param ours runs once, may be async; called once before the clock starts
 * @param peer what a peer factory returned, or null; called before the clock starts as well, unless `warmPeer` is false
 */
export async function inTurn(ours, peer, { rounds = 5, warmPeer = true } = {}) {
  const warmUp = await ours();
  let oursMs = Infinity;
  let peerMs = Infinity;
  let last = null;
  if (peer !== null && warmPeer) last = await peer.once();
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await ours();
    oursMs = Math.min(oursMs, performance.now() - start);
    if (peer !== null) {
      last = await peer.once();
      peerMs = Math.min(peerMs, last.ms);
    }
  }
  const rounded = (ms) => Math.round(ms * 100) / 100;
  return {
    ours: warmUp,
    theirs: last,
    times: {
      ours_ms: rounded(oursMs),
      peer: peer === null ? null : peer.about.peer,
      peer_ms: peer === null ? null : rounded(peerMs),
      ratio: peer === null ? null : Math.round((oursMs / peerMs) * 10000) / 10000,
    },
  };
}
