/** One plan of an apply: what becomes of it when something ends its journey that nobody expected (X-5, B-3). */
import { describe, expect, it } from 'vitest';
import { PlatformError } from '../../src/errors.js';
import type { Underway } from '../../src/flows/apply-inside.js';
import type { Line, Talk } from '../../src/flows/apply-line.js';
import { applyOne } from '../../src/flows/apply-one.js';
import type { ApplyResult } from '../../src/flows/results.js';
import { planFixture } from '../fixtures/plans.js';

const RUN = '0193a1c2-7e02-7abc-8def-0123456789ab';
const ours = new TypeError("cannot read 'x' of undefined");
const lost = new PlatformError({ code: 'PCTL-HOST-LOST', exit: 7, summary: 'rs2000: the connection was lost' });

function underway(signal = new AbortController().signal): Underway {
  return {
    world: { interrupted: signal, who: 'alice@laptop', clock: { now: () => 0 } },
    open: { plan: planFixture({}), options: { lockWait: 0, dryRun: false }, policy: {}, sharedPaths: [] },
    runId: RUN,
    verdicts: [],
    self: 'none',
    gone: { started: false },
    step: () => undefined,
    end: (members: Partial<ApplyResult>) => ({ outcome: 'refused', error: null, gates: [], ...members }),
  } as unknown as Underway;
}

function lineOf(talk: () => Promise<Talk>): Line & { drops: number } {
  const line = {
    drops: 0,
    lost: false,
    talk,
    talkAgain: talk,
    drop: async () => {
      line.drops += 1;
    },
  };
  return line;
}

describe('X-5, B-3: what nobody expected is a result of its module', () => {
  it('before go: 2, nothing was changed, and the stack is there for --debug', async () => {
    const line = lineOf(() => Promise.reject(ours));
    expect(await applyOne(underway(), line)).toMatchObject({
      outcome: 'refused',
      exitCode: 2,
      error: { module: 'web', code: 'PCTL-INTERNAL' },
      thrown: ours,
    });
    expect(line.drops).toBe(1);
  });

  it('before go, with the host on the line: the same', async () => {
    const conversation = { end: async () => 0 };
    const line = lineOf(async () => ({ conversation, exchange: () => Promise.reject(ours) }) as unknown as Talk);
    expect(await applyOne(underway(), line)).toMatchObject({ outcome: 'refused', exitCode: 2, runId: RUN });
  });

  it('after go: unknown, 15, for the host goes on', async () => {
    const one = underway();
    const line = lineOf(() => {
      one.gone.started = true;
      return Promise.reject(ours);
    });
    const result = await applyOne(one, line);
    expect(result).toMatchObject({
      outcome: 'unknown',
      exitCode: 15,
      runId: RUN,
      message: 'platformctl failed in a way that it did not expect (TypeError); the host goes on by itself',
      error: { code: 'PCTL-INTERNAL' },
      thrown: ours,
    });
    expect(result.hint).toContain('platformctl status web');
  });

  it('a line that is lost stays what it was: 7 before go, 15 after it', async () => {
    const one = underway();
    const line = lineOf(() => Promise.reject(lost));
    expect(await applyOne(one, line)).toMatchObject({ exitCode: 7 });
    one.gone.started = true;
    const result = await applyOne(one, line);
    expect(result).toMatchObject({ exitCode: 15, error: null });
    expect(result.message).toContain('the connection to rs2000 was lost after go');
  });
});
