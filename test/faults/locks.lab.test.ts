/** Two who want the same, and clients that go away: before `go` nothing was changed, after it the host needs nobody. Real sshd, real engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shortRun } from '../../src/run-id.js';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import {
  apply,
  change,
  containers,
  document,
  type Gate,
  gate,
  journalled,
  launch,
  locks,
  prepare,
  processes,
  type Running,
  runsOf,
  silentRegistry,
  sleep,
  statusOf,
  until,
} from './scene.js';

const lab = sharedLab();
const SMOKE = { stable_seconds: 2, timeout_seconds: 20 };
let on: Stage;
let verified: Gate;
let registry: Awaited<ReturnType<typeof silentRegistry>>;
let silent: string;

beforeAll(async () => {
  on = await stage(lab);
  verified = await gate(on);
  registry = await silentRegistry();
  silent = `${registry.address}/never`;
});
afterAll(async () => {
  registry.close();
  await on.dispose();
});

const locksOf = async (id: string) => (await locks(on)).filter((lock) => lock.name === `module.${id}`);
const env = (value: string) => ({ environment: { VALUE: value } });
async function wants(id: string, service: Record<string, unknown>, smoke: Record<string, unknown> = SMOKE) {
  await on.module(id, { compose: { services: { [id]: { ...IDLE, ...service } } }, spec: { smoke } });
}

/** An apply that waits in its pull, holding its locks. */
async function pulling(id: string, tag: string): Promise<{ running: Running; container: string }> {
  await wants(id, {});
  expect((await change(on, id)).exit).toBe(9);
  const container = await on.container(on.project(id), id);
  await wants(id, { image: `${silent}/${tag}:1` });
  await on.repo.publish(id);
  await prepare(on, id);
  const running = await launch(on, id);
  await until('the pull', async () => (await processes('docker', 'pull', `${silent}/${tag}:1`)).length > 0);
  expect(await locksOf(id)).toMatchObject([{ state: 'held' }]);
  return { running, container };
}

async function nothingChanged(id: string, container: string): Promise<void> {
  expect(await containers(on, id)).toEqual([container]);
  expect(await document(on, id)).toMatchObject({ outcome: 'applied', intent: null, serial: 1 });
}

describe('X-6: two terminals apply at once', () => {
  it('one is applied; the other is told who holds the lock, as is a dry run (X-10), or waits and finds its plan spent', async () => {
    await wants('web', env('1'), { stable_seconds: 1, ...verified.smoke });
    await on.repo.publish('web');
    await prepare(on, 'web');
    const first = await launch(on, 'web');
    const run = await journalled(on, [], /^verify started/m);
    const waiting = await launch(on, 'web', '--lock-wait', '300');
    expect(await locksOf('web')).toMatchObject([{ state: 'held', run_id: run }]);
    const [held] = await locksOf('web');
    const second = await apply(on, 'web');
    expect(second.exit, second.said).toBe(10);
    expect(second.result).toMatchObject({ outcome: 'busy' });
    expect(second.result?.message).toContain(held?.who);
    expect(second.result?.message).toContain(shortRun(run));
    const dry = await apply(on, 'web', '--dry-run');
    expect([dry.exit, dry.result?.message], dry.said).toEqual([10, second.result?.message]);
    verified.open();
    expect(await first.ended).toMatchObject({ exit: 9 });
    const third = await waiting.ended;
    expect(third.exit, third.said).toBe(8);
    expect(await locks(on)).toEqual([]);
    expect(await document(on, 'web')).toMatchObject({ outcome: 'applied', serial: 1 });
  });
});

describe('X-5, X-9: before `go`', () => {
  it('a client killed with -9 leaves nothing behind, and its lock is free', async () => {
    const { running, container } = await pulling('killed', 'killed');
    running.child.kill('SIGKILL');
    expect(await running.ended).toMatchObject({ exit: null });
    await until('the lock', async () => (await locksOf('killed')).length === 0);
    await until(
      'the end of the pull',
      async () => (await processes('docker', 'pull', `${silent}/killed`)).length === 0,
    );
    await nothingChanged('killed', container);
  });

  it('a client that says nothing for 60 s is gone, and its lock is free', async () => {
    const { running, container } = await pulling('stopped', 'stopped');
    running.child.kill('SIGSTOP');
    try {
      await sleep(20_000);
      expect(await locksOf('stopped'), 'it may yet come back').toHaveLength(1);
      await until('the lock', async () => (await locksOf('stopped')).length === 0);
      await until(
        'the end of the pull',
        async () => (await processes('docker', 'pull', `${silent}/stopped`)).length === 0,
      );
      await nothingChanged('stopped', container);
    } finally {
      running.child.kill('SIGKILL');
      await running.ended;
    }
  });

  it('Ctrl-C ends with 130 at once, nothing was changed', async () => {
    const { running, container } = await pulling('interrupted', 'interrupted');
    running.child.kill('SIGINT');
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(130);
    expect(ended.result).toMatchObject({ outcome: 'interrupted', changed: false });
    await until('the lock', async () => (await locksOf('interrupted')).length === 0);
    await nothingChanged('interrupted', container);
  });
});

describe('X-5, X-9: after `go` the host goes on by itself', () => {
  const BAD = { command: ['sh', '-c', 'until [ -e /go ]; do sleep 1; done; exit 3'] };
  const cases = [
    ['a client killed with -9, a good change', 'SIGKILL', {}, 'applied', null],
    ['a client killed with -9, a bad change', 'SIGKILL', BAD, 'rolled_back', null],
    ['Ctrl-C waits for the end and tells it', 'SIGINT', {}, 'applied', 130],
    ['TERM, as CI sends it, waits for the end and tells it', 'SIGTERM', BAD, 'rolled_back', 130],
  ] as const;

  /** It says that the host goes on, or has ended. */
  const toldSo = ({ child, ended }: Running): Promise<unknown> => {
    const told = new Promise<void>((resolve) => {
      let said = '';
      child.stderr?.on('data', (bytes: Buffer) => {
        said += bytes;
        if (said.includes('interrupted: the host goes on')) resolve();
      });
    });
    return Promise.race([told, ended]);
  };

  beforeAll(async () => {
    await wants('on', env('0'));
    expect((await change(on, 'on')).exit).toBe(9);
  });

  it.each(cases)('%s', async (name, signal, service, outcome, exit) => {
    const before = await runsOf(on);
    verified.close();
    await wants('on', { ...env(name), ...service }, { stable_seconds: 1, ...verified.smoke });
    const sha = await on.repo.publish(name);
    await prepare(on, 'on');
    const running = await launch(on, 'on');
    const told = toldSo(running);
    const run = await journalled(on, before, /^up started/m);
    running.child.kill(signal);
    await (exit === null ? running.ended : told);
    if (service === BAD) {
      await journalled(on, before, /^verify started/m);
      await lab.docker('exec', await on.container(on.project('on'), 'on'), 'touch', '/go');
      await journalled(on, before, /^back started/m);
    }
    verified.open();
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(exit);
    if (exit !== null) {
      expect(ended.result?.outcome).toBe(outcome);
      expect(ended.said).toContain('the host goes on');
    }
    await journalled(on, before, /^end /m);
    await until('the locks', async () => (await locks(on)).length === 0);
    const { row } = await statusOf(on, 'on');
    expect(row).toMatchObject({ outcome, intent: null, interrupted: null, attempt: { run_id: run, sha, outcome } });
    expect(row.last_apply_sha === sha).toBe(outcome === 'applied');
    expect(await containers(on, 'on')).toHaveLength(1);
  });

  it('Ctrl-C twice leaves at once, and the run ends by itself', async () => {
    const before = await runsOf(on);
    verified.close();
    await wants('on', env('twice'), { stable_seconds: 1, ...verified.smoke });
    const sha = await on.repo.publish('twice');
    await prepare(on, 'on');
    const running = await launch(on, 'on');
    const told = toldSo(running);
    await journalled(on, before, /^verify started/m);
    running.child.kill('SIGINT');
    await told;
    running.child.kill('SIGINT');
    expect((await running.ended).exit).toBe(130);
    expect((await statusOf(on, 'on')).row.interrupted).toMatchObject({ outcome: 'applying' });
    verified.open();
    await journalled(on, before, /^end applied/m);
    expect((await statusOf(on, 'on')).row).toMatchObject({
      outcome: 'applied',
      last_apply_sha: sha,
      interrupted: null,
    });
  });
});
