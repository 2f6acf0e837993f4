/** P-5: what a plan costs on the wire, told by sshd's own log. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, startLab } from '../lab/lab.js';
import { IDLE, type Stage, stage } from './stage.js';

const MODULES = 30;
const ids = Array.from({ length: MODULES }, (_, index) => `m${index + 1}`);
let lab: Lab;
let on: Stage;

// Nobody else talks to a lab of one's own.
beforeAll(async () => {
  lab = await startLab();
  on = await stage(lab);
  for (const id of ids) await on.module(id, { compose: { services: { [id]: IDLE } } });
  await on.repo.publish('modules');
});
afterAll(async () => {
  await on.dispose();
  await lab.stop();
});

/** Connections that were authenticated and sessions that were started for a plan. */
async function wire(planned: readonly string[]): Promise<{ connections: number; sessions: number }> {
  const log = async (): Promise<string> => readFile(`${lab.host().remote_root}/../sshd.log`, 'utf8');
  const before = (await log()).length;
  expect((await on.plan(...planned)).exit).toBe(1);
  const said = (await log()).slice(before);
  const count = (what: RegExp): number => said.match(what)?.length ?? 0;
  return { connections: count(/Accepted publickey/g), sessions: count(/Starting session: command/g) };
}

describe('P-5 observing a host', () => {
  it('one connection and two rounds of at most 8 channels, for 1, 10 and 30 modules', async () => {
    for (const many of [1, 10, MODULES]) {
      const seen = await wire(ids.slice(0, many));
      expect(seen.connections, `${many} modules`).toBe(1);
      expect(seen.sessions, `${many} modules`).toBeLessThanOrEqual(16);
      expect(seen.sessions, `${many} modules`).toBeGreaterThan(1);
    }
  });
});
