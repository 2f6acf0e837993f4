import { describe, expect, it, vi } from 'vitest';
import { createClock } from '../../src/adapters/clock/clock.js';
import { meanwhile } from '../../src/execute/lock.js';
import type { Exchange } from '../../src/execute/protocol.js';

describe('X-5 what takes its time under the locks', () => {
  const clock = { ...createClock(), sleep: async () => new Promise<void>((resolve) => setImmediate(resolve)) };
  const answer = { code: 0, out: new Uint8Array(), err: '' };

  it('says word after word, one at a time, and none once it is done', async () => {
    let said = 0;
    let open = 0;
    let done: (value: string) => void = () => undefined;
    const exchange: Exchange = async () => {
      open += 1;
      expect(open).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      said += 1;
      if (said === 5) done('facts');
      return [answer];
    };
    const work = new Promise<string>((resolve) => {
      done = resolve;
    });
    expect(await meanwhile(exchange, clock, work)).toBe('facts');
    const then = said;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([said, open]).toEqual([then, 0]);
  });

  it('a lost line stops the words, not the work; an error of the work is its own', async () => {
    let said = 0;
    const lost: Exchange = async () => {
      said += 1;
      throw new Error('lost');
    };
    const slow = new Promise<number>((resolve) => setTimeout(() => resolve(7), 30));
    expect(await meanwhile(lost, clock, slow)).toBe(7);
    expect(said).toBe(1);
    await expect(meanwhile(lost, clock, Promise.reject(new Error('git')))).rejects.toThrow('git');
  });

  it('however many words, nothing of them is left behind', async () => {
    const { signal } = new AbortController();
    const listening = vi.spyOn(signal, 'addEventListener');
    const gone = vi.spyOn(signal, 'removeEventListener');
    for (let word = 0; word < 3; word += 1) await createClock().sleep(1, signal);
    expect(gone.mock.calls).toEqual(listening.mock.calls);
  });

  it('a real clock is not waited for', async () => {
    const started = performance.now();
    await meanwhile(async () => [answer], createClock(), Promise.resolve());
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
