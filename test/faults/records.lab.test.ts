/** The host cannot write its record, or has no room at all (R-4, B-1): before step 7 nothing was changed (7), after it 16 or what was there is back. Real sshd, real engine. */
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Stage, stage } from '../accept/stage.js';
import { finish } from '../lab/process.js';
import { sharedLab } from '../lab/shared.js';
import {
  apply,
  change,
  containers,
  document,
  type Ended,
  type Gate,
  gate,
  journalled,
  launch,
  locks,
  prepare,
  processes,
  runsOf,
  servesPage,
  statusOf,
  until,
} from './scene.js';

const lab = sharedLab();
/** Ends badly once it is told to. */
const BAD = { command: ['sh', '-c', 'until [ -e /go ]; do sleep 1; done; exit 3'] };
let on: Stage;
let verified: Gate;
const mounted: string[] = [];

beforeEach(async () => {
  on = await stage(lab);
  verified = await gate(on);
});
afterEach(async () => {
  await on.dispose().catch(() => undefined);
  for (const folder of mounted.splice(0)) {
    await finish('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  }
});

const wants = (page: string, service: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  servesPage(on, page, {}, service);
/** Verified until the gate is open, or what is BAD is told to end. */
const wantsHeld = (page: string, service: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  servesPage(on, page, verified.smoke, service);
const tellToEnd = async (): Promise<string> =>
  lab.docker('exec', await on.container(on.project('web'), 'web'), 'touch', '/go');

const folder = (name: string): string => `${on.repo.remoteRoot()}/.platform/${name}`;
const page = (): Promise<string> => on.inside('web', 'wget', '-qO-', 'http://127.0.0.1:8080/');

describe('R-4 a status document that cannot be written', () => {
  beforeEach(async () => {
    await wants('first');
    expect((await change(on, 'web')).exit).toBe(9);
  });

  it('before the change: 7, nothing was changed, and the same plan applies once it can', async () => {
    const [container] = await containers(on, 'web');
    const before = await document(on, 'web');
    await wants('second');
    await prepare(on, 'web');
    await chmod(folder('state/modules'), 0o500);
    const ended = await apply(on, 'web');
    await chmod(folder('state/modules'), 0o700);

    expect(ended.exit, ended.said).toBe(7);
    expect(ended.result).toMatchObject({ outcome: 'remote_failed', changed: false });
    expect(ended.result?.message).toContain('could not write its record');
    expect(await containers(on, 'web')).toEqual([container]);
    expect(await page()).toBe('first');
    expect(await document(on, 'web')).toEqual(before);
    const [run] = (await runsOf(on)).sort().reverse();
    expect(await readFile(folder(`runs/${run}/journal`), 'utf8')).toMatch(/^end remote_failed 7 /m);
    const again = await apply(on, 'web');
    expect(again.exit, again.said).toBe(9);
  });

  it('after it: 16, loud, and the next look judges it applied', async () => {
    const sha = await wantsHeld('second');
    await prepare(on, 'web');
    const known = await runsOf(on);
    const running = await launch(on, 'web');
    await journalled(on, known, /^verify started/m);
    await chmod(folder('state/modules'), 0o500);
    verified.open();
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(16);
    expect(ended.result).toMatchObject({ outcome: 'applied_unrecorded', changed: true });
    expect(ended.said).toContain('could not write its record');
    expect((await statusOf(on, 'web')).row).toMatchObject({ outcome: 'applying', interrupted: { outcome: 'applied' } });
    await chmod(folder('state/modules'), 0o700);
    // The plan is spent; whoever takes the lock for it writes what is there.
    expect((await apply(on, 'web')).exit).toBe(8);
    expect(await document(on, 'web')).toMatchObject({ outcome: 'applied', intent: null, last_apply_sha: sha });
    expect((await on.plan('web')).exit).toBe(0);
  });

  it('B-3 a roll back that cannot be recorded is one (11), and says so', async () => {
    await wantsHeld('second', BAD);
    await prepare(on, 'web');
    const known = await runsOf(on);
    const running = await launch(on, 'web');
    await journalled(on, known, /^verify started/m);
    await chmod(folder('state/modules'), 0o500);
    await tellToEnd();
    const ended = await running.ended;
    await chmod(folder('state/modules'), 0o700);
    expect(ended.exit, ended.said).toBe(11);
    expect(ended.result?.notes.join('\n')).toContain('could not record');
    expect(await page()).toBe('first');
    const { exit, row } = await statusOf(on, 'web');
    // The run's own journal knows it.
    expect([row.interrupted?.outcome, exit]).toEqual(['rolled_back', 0]);
    await wants('third');
    await prepare(on, 'web');
    const next = await apply(on, 'web');
    expect(next.exit, next.said).toBe(9);
  });

  it('R-6 the audit chain cannot be written: as if it were the status', async () => {
    const [container] = await containers(on, 'web');
    await wants('second');
    await prepare(on, 'web');
    await chmod(folder('state/audit.jsonl'), 0o400);
    const ended = await apply(on, 'web');
    await chmod(folder('state/audit.jsonl'), 0o600);
    expect(ended.exit, ended.said).toBe(7);
    expect(await containers(on, 'web')).toEqual([container]);
    expect((await apply(on, 'web')).exit).toBe(9);
  });
});

describe("the host's disk is full", () => {
  /** remote_root on a file system of its own, so small that a test can fill it. */
  beforeEach(async () => {
    const root = on.repo.remoteRoot();
    const { stdout } = await finish('stat', ['-c', 'uid=%u,gid=%g', root]);
    const made = await finish('mount', ['-t', 'tmpfs', '-o', `size=4m,mode=755,${stdout.trim()}`, 'tmpfs', root]);
    expect(made.exit, made.stderr).toBe(0);
    mounted.push(root);
    await wants('first');
    expect((await change(on, 'web')).exit).toBe(9);
  });

  /** Leaves so many KiB. */
  async function fill(left: number): Promise<void> {
    const root = on.repo.remoteRoot();
    await finish('dd', ['if=/dev/zero', `of=${root}/filling`, 'bs=4096', 'status=none']);
    const { stdout } = await finish('stat', ['-c', '%s', `${root}/filling`]);
    await finish('truncate', ['-s', `${Math.max(0, Number(stdout) - left * 1024)}`, `${root}/filling`]);
  }
  const empty = (): Promise<void> => rm(`${on.repo.remoteRoot()}/filling`, { force: true });

  it('plan says so: 7, with what to do', async () => {
    await wants('second');
    await fill(0);
    const planned = await on.plan('web');
    expect(planned.exit, planned.said).toBe(7);
    expect(planned.errors).toMatchObject([{ module: 'web', exitCode: 7 }]);
    expect(planned.said).toContain('disk full');
    await empty();
    expect((await on.plan('web')).exit).toBe(1);
  });

  /** What was told is what is there. */
  async function holds(
    ended: Ended,
    before: { page: string; container: string | undefined },
    now: string,
    what: string,
  ) {
    expect([7, 9, 11, 16], `${what}: ${ended.said}`).toContain(ended.exit);
    const there = await containers(on, 'web');
    expect(there, what).toHaveLength(1);
    const status = await document(on, 'web');
    if (ended.exit === 7) {
      expect(ended.result, what).toMatchObject({ changed: false });
      expect(there, what).toEqual([before.container]);
      expect(status, what).toMatchObject({ intent: null });
    }
    expect(await page(), `${what}: ${ended.said}`).toBe(ended.exit === 7 || ended.exit === 11 ? before.page : now);
    const { row } = await statusOf(on, 'web');
    const told = row.interrupted?.outcome ?? row.outcome;
    if (told === 'applied' && row.attempt?.plan_digest === row.plan_digest)
      expect([7, 9, 16], what).toContain(ended.exit);
    expect(await locks(on), what).toEqual([]);
  }

  it('R-4 at each write of an apply: what is told is what is there, and with room the next one applies', {
    timeout: 900_000,
  }, async () => {
    const exits: (number | null)[] = [];
    let current = 'first';
    for (const left of [0, 8, 24, 48, 72, 96, 112, 128, 144, 160, 176, 200]) {
      const next = `with ${left} KiB`;
      const [container] = await containers(on, 'web');
      await wants(next);
      await prepare(on, 'web');
      await fill(left);
      const ended = await apply(on, 'web');
      await empty();
      exits.push(ended.exit);
      await holds(ended, { page: current, container }, next, next);
      if (ended.exit === 7) expect((await apply(on, 'web')).exit, next).toBe(9);
      current = ended.exit === 11 ? current : next;
      expect(await processes('platformctl', on.repo.remoteRoot()), next).toEqual([]);
    }
    expect(exits[0]).toBe(7);
    expect(exits.at(-1)).toBe(9);
  });

  it.each([
    ['a good change: 16', {}, 16, 'second'],
    ['a bad change: put back without new room, 11', BAD, 11, 'first'],
  ])('B-1 full once the change was made, %s', async (_name, service, exit, served) => {
    await wantsHeld('second', service);
    await prepare(on, 'web');
    const known = await runsOf(on);
    const running = await launch(on, 'web');
    await journalled(on, known, /^verify started/m);
    await fill(0);
    if (service === BAD) await tellToEnd();
    else verified.open();
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(exit);
    expect(await page()).toBe(served);
    await until('the locks', async () => (await locks(on).catch(() => null))?.length === 0).catch(() => undefined);
    await empty();
    await writeFile(`${on.repo.dir}/note`, '');
    await wants('third');
    await prepare(on, 'web');
    const next = await apply(on, 'web');
    expect(next.exit, next.said).toBe(9);
    expect(await page()).toBe('third');
    expect(await containers(on, 'web')).toHaveLength(1);
  });
});
