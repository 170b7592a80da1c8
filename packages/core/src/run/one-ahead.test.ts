import { describe, expect, it } from 'vitest';
import { oneAhead } from './one-ahead.js';

async function* upTo(last: number, log: string[]): AsyncGenerator<number> {
  try {
    for (let i = 0; i <= last; i++) yield i;
    throw new Error('no more');
  } finally {
    log.push('closed');
  }
}

describe('one ahead', () => {
  it('gives each item once the next is known, and tells an error in its turn', async () => {
    const log: string[] = [];
    const all = async () => {
      for await (const item of oneAhead(upTo(2, log), (next) => void log.push(`look ${next}`))) log.push(`do ${item}`);
    };
    await expect(all()).rejects.toThrow('no more');
    expect(log).toEqual(['look 0', 'look 1', 'do 0', 'look 2', 'do 1', 'closed', 'do 2']);
  });

  it('ends what it reads from where it is left early', async () => {
    const log: string[] = [];
    for await (const _ of oneAhead(upTo(5, log), () => {})) break;
    expect(log).toEqual(['closed']);
  });

  it('gives nothing of nothing', async () => {
    const none = async function* (): AsyncGenerator<number> {};
    for await (const _ of oneAhead(none(), () => {})) expect.unreachable();
  });
});
