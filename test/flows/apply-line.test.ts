/** The line of a call to one host: what a lost one means for the plans that come after. */
import { describe, expect, it, vi } from 'vitest';
import { PlatformError } from '../../src/errors.js';
import { lineTo } from '../../src/flows/apply-line.js';
import type { Platform } from '../../src/manifest/model.js';
import type { Conversation, Host, World } from '../../src/ports.js';

const unreachable = new PlatformError({ code: 'PCTL-HOST-CONNECT', exit: 7, summary: 'rs cannot be reached' });
const lost = new PlatformError({ code: 'PCTL-HOST-LOST', exit: 7, summary: 'the connection is closed' });

/** `answers`: what each try to connect gives; the last one for all that follow. */
function setup(...answers: ('host' | 'slow' | 'refused')[]) {
  let now = 0;
  let dead = false;
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const seen = { connects: 0, closed: 0 };
  const host = {
    name: 'rs',
    talk: async () => {
      if (dead) throw lost;
      return { line: async () => 'platformctl 1' } as unknown as Conversation;
    },
    close: async () => void seen.closed++,
  } as unknown as Host;
  const interruption = new AbortController();
  const world = {
    interrupted: interruption.signal,
    connect: async () => {
      dead = false;
      const answer = answers[Math.min(seen.connects, answers.length - 1)];
      seen.connects++;
      if (answer === 'refused') throw unreachable;
      if (answer === 'slow') await arrived;
      return host;
    },
    clock: {
      now: () => now,
      sleep: async (ms: number) => {
        now += ms;
      },
    },
  } as unknown as World;
  const platform = { hosts: new Map([['rs', { name: 'rs', transport: 'local', jump: [] }]]) } as unknown as Platform;
  const lose = (): void => {
    dead = true;
  };
  const interrupt = (): void => interruption.abort();
  return { line: lineTo(world, platform, 'rs'), seen, lose, interrupt, arrive, now: () => now };
}

describe('X-7: the line to a host', () => {
  it('one connection serves all plans', async () => {
    const { line, seen } = setup('host');
    await line.talk('/r');
    await line.talk('/r');
    expect(seen.connects).toBe(1);
    expect(line.lost).toBe(false);
    await line.drop();
    expect(seen.closed).toBe(1);
  });

  it('a host that could not be reached is not tried again for the next plan', async () => {
    const { line, seen } = setup('refused');
    for (const _ of [1, 2, 3]) {
      await expect(line.talk('/r')).rejects.toBe(unreachable);
      await line.drop();
    }
    expect(seen.connects).toBe(1);
  });

  it('X-5: after a line that failed under a plan, the next one waits for the locks that it may still hold', async () => {
    const { line, seen } = setup('host');
    await line.talk('/r');
    await line.drop();
    await line.talk('/r');
    expect(seen.connects).toBe(2);
    expect(line.lost).toBe(true);
  });

  it('X-7: a connection that died with the plan before, or while it waited, is opened again for the next one', async () => {
    const { line, seen, lose } = setup('host');
    await line.talk('/r');
    lose();
    expect((await line.talk('/r')).host.name).toBe('rs');
    expect(seen).toEqual({ connects: 2, closed: 1 });
    expect(line.lost).toBe(true);
  });

  it('X-7: where it cannot be opened again, the next plan is told so, and the one after that too', async () => {
    const { line, seen, lose } = setup('host', 'refused');
    await line.talk('/r');
    lose();
    for (const _ of [1, 2]) await expect(line.talk('/r')).rejects.toBe(unreachable);
    expect(seen.connects).toBe(2);
  });

  it('X-9: a connection that is still on its way is not waited for, and closed when it comes', async () => {
    const { line, seen, arrive } = setup('slow');
    const talk = line.talk('/r');
    talk.catch(() => undefined);
    await line.drop();
    await line.drop();
    expect(seen.closed).toBe(0);
    arrive();
    await vi.waitFor(() => expect(seen.closed).toBeGreaterThan(0));
  });

  it('X-9: what was interrupted opens no other connection', async () => {
    const { line, seen, lose, interrupt } = setup('host');
    await line.talk('/r');
    interrupt();
    lose();
    await expect(line.talk('/r')).rejects.toBe(lost);
    expect(seen.connects).toBe(1);
  });

  it('X-5: a lost line is tried again for 90 s, and then for nobody any more', async () => {
    const { line, seen, now } = setup('host', 'refused');
    await line.talk('/r');
    const told: number[] = [];
    await expect(line.talkAgain('/r', (seconds) => told.push(seconds))).rejects.toBe(unreachable);
    expect(told.at(-1)).toBe(88);
    expect(now()).toBeGreaterThanOrEqual(90_000);
    expect(now()).toBeLessThan(95_000);
    const tries = seen.connects;
    await line.drop();
    await expect(line.talk('/r')).rejects.toBe(unreachable);
    expect(seen.connects).toBe(tries);
  });

  it('X-5: a host that comes back is talked to again', async () => {
    const { line, seen } = setup('host', 'refused', 'refused', 'host');
    await line.talk('/r');
    expect((await line.talkAgain('/r', () => undefined)).host.name).toBe('rs');
    expect(seen).toEqual({ connects: 4, closed: 1 });
  });
});
