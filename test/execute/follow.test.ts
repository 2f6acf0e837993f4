/** Following a run whose host says little: it ends in time, and never with more than is known. */
import { describe, expect, it } from 'vitest';
import { PlatformError } from '../../src/errors.js';
import { followRun } from '../../src/execute/follow.js';
import type { Answer, Exchange } from '../../src/execute/protocol.js';
import type { Clock } from '../../src/ports.js';

function setup() {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      now += ms;
    },
    random: () => 0,
    uuid: () => '',
  };
  const answer = (code: number, out: string): Answer => ({ code, out: new TextEncoder().encode(out), err: '' });
  const silent: Exchange = async () => {
    now += 45_000;
    throw new PlatformError({ code: 'PCTL-HOST-SILENT', exit: 7, summary: 'silent' });
  };
  const follow = (exchange: Exchange, lost: () => Promise<Exchange>) =>
    followRun({ exchange, runId: 'one', module: 'web', totalMs: 600_000 }, clock, {
      line: () => undefined,
      waiting: () => undefined,
      polled: () => undefined,
      lost,
    });
  return { answer, silent, follow, now: () => now };
}

describe('X-5', () => {
  it('a host that can be reached again and again and never answers is given up after all limits', async () => {
    const { silent, follow, now } = setup();
    expect(await follow(silent, async () => silent)).toMatchObject({ lost: { code: 'PCTL-RUN-LONG', exit: 15 } });
    expect(now()).toBeLessThan(700_000);
  });

  it('a run that goes on behind all limits is given up too', async () => {
    const { answer, silent, follow } = setup();
    const goesOn: Exchange = async () => [answer(0, 'running -\nup started 0 1 -\n')];
    expect(await follow(goesOn, async () => silent)).toMatchObject({ lost: { code: 'PCTL-RUN-LONG' } });
  });

  it.each([
    [0, '', 7, 'remote_failed'],
    [0, '{"attempt":{"run_id":"one"}}', 15, 'unknown'],
    // The status could not be read: that it does not name the run is no evidence.
    [1, '', 15, 'unknown'],
  ])('nobody holds the lock, and the status is %i %j: %i', async (code, text, exit, outcome) => {
    const { answer, silent, follow } = setup();
    const gone: Exchange = async ([said]) => [said?.verb === 'get' ? answer(code, text) : answer(0, 'gone -\n')];
    expect(await follow(gone, async () => silent)).toMatchObject({ exit, outcome });
  });

  it('an end is told once the host has let go of its locks, so that the next apply finds none of them', async () => {
    const { answer, silent, follow } = setup();
    const journal = 'start started 0 1 -\nend applied 9 2 healthy\n';
    let asked = 0;
    const polled: Exchange = async () => {
      asked += 1;
      if (asked === 1) return [answer(0, `running -\n${journal}`)];
      return [asked < 4 ? answer(0, 'running -\n') : answer(109, 'ended 9\n')];
    };
    expect(await follow(polled, async () => silent)).toMatchObject({ outcome: 'applied', exit: 9 });
    expect(asked).toBe(4);

    const other = setup();
    const hangs: Exchange = async () => [answer(0, `running -\n${other.now() === 0 ? journal : ''}`)];
    expect(await other.follow(hangs, async () => silent)).toMatchObject({ outcome: 'applied', exit: 9 });
    expect(other.now()).toBeLessThan(15_000);
  });

  it('on a full disk the exit alone tells the end', async () => {
    const { answer, silent, follow } = setup();
    const full: Exchange = async () => [answer(111, '')];
    expect(await follow(full, async () => silent)).toMatchObject({ outcome: 'rolled_back', exit: 11 });
  });
});
