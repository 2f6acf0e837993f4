/** Hosts that are not what they should be (G-6), and hosts that go silent: each ends within its limit with its code, as a user sees it. Real sshd, real engine. */
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { type Lab, startLab } from '../lab/lab.js';
import {
  apply,
  change,
  connectionOf,
  containers,
  document,
  journalled,
  launch,
  locks,
  prepare,
  processes,
  replacing,
  runsOf,
  STUBBORN,
  signal,
  silentRegistry,
  sleep,
  statusOf,
  until,
} from './scene.js';

// Of its own: its sshd is stopped, and nobody else may wait for it.
let lab: Lab;
const SMOKE = { stable_seconds: 2, timeout_seconds: 20 };
/** What a busy machine may add to a limit. Milliseconds. */
const SPARE = 60_000;
/** Three missed keepalives, X-8. Milliseconds. */
const LOST = 60_000;
/** How long platformctl tries to come back. Milliseconds. */
const AGAIN = 90_000;

let on: Stage;
/** Listens in front of host1. `pass`: hands bytes on; `mute`: takes connections and says nothing; `other`: another machine answers at the address. */
let door: { server: Server; port: number; mode: 'pass' | 'mute' | 'other'; sockets: Set<Socket> };

async function openDoor(): Promise<typeof door> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (door.mode === 'mute') return;
    const behind = connect(lab.host(door.mode === 'other' ? 'host2' : 'host1').port, '127.0.0.1');
    sockets.add(behind);
    behind.on('error', () => socket.destroy());
    socket.pipe(behind).pipe(socket);
    socket.on('close', () => behind.destroy());
    behind.on('close', () => socket.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0, mode: 'pass', sockets };
}

async function configure(edit: (hosts: Record<string, Record<string, unknown>>) => void): Promise<void> {
  const config = parse(await readFile(`${on.repo.dir}/.platform/config.yaml`, 'utf8'));
  edit(config.hosts);
  await on.repo.write('.platform/config.yaml', stringify(config));
}

const wants = (id: string, value: string, host = 'host1', service: Readonly<Record<string, unknown>> = IDLE) =>
  on.module(id, {
    host,
    compose: { services: { [id]: { ...service, environment: { VALUE: value } } } },
    spec: { smoke: SMOKE },
  });

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const started = Date.now();
  const value = await work;
  return { value, ms: Date.now() - started };
}

beforeAll(async () => {
  lab = await startLab({ hosts: 2 });
  door = await openDoor();
  on = await stage(lab);
  await configure((hosts) => {
    const good = hosts.host1 as Record<string, unknown>;
    const key = lab.host('host2').host_key;
    const { host_key: _key, ...unpinned } = good;
    Object.assign(hosts, {
      behind: { ...good, port: door.port },
      unknown: { ...unpinned, known_hosts_file: `${on.repo.dir}/.platform/known_hosts` },
      changed: { ...good, host_key: key },
      closed: { ...good, port: 1 },
    });
  });
  await on.repo.write('.platform/known_hosts', '');
  for (const host of ['behind', 'unknown', 'changed', 'closed']) await wants(host, '1', host);
  await wants('fine', '1');
  await on.repo.publish('hosts');
});
afterEach(() => {
  door.mode = 'pass';
});
afterAll(async () => {
  for (const socket of door.sockets) socket.destroy();
  door.server.close();
  await on.dispose();
  await lab.stop();
});

describe('G-6, X-8 a plan of hosts that are not what they should be', () => {
  it.each([
    ['unknown', 4, 'PCTL-GATE-HOST-KEY'],
    ['changed', 4, 'PCTL-GATE-HOST-KEY'],
    ['closed', 7, 'PCTL-HOST-CONNECT'],
  ])('%s: %i, %s', async (id, exit, code) => {
    const { value: planned, ms } = await timed(on.plan(id));
    expect(planned.exit, planned.said).toBe(exit);
    expect(planned.errors).toMatchObject([{ module: id, code, exitCode: exit }]);
    expect(planned.errors[0]?.hint).toBeTruthy();
    expect(ms).toBeLessThan(15_000 + SPARE);
  });

  it('accepts and stays silent: 7 within 15 s', async () => {
    door.mode = 'mute';
    const { value: planned, ms } = await timed(on.plan('behind'));
    expect(planned.exit, planned.said).toBe(7);
    expect(planned.errors).toMatchObject([{ module: 'behind', code: 'PCTL-HOST-SILENT' }]);
    expect(ms).toBeGreaterThan(14_000);
    expect(ms).toBeLessThan(15_000 + SPARE);
  });

  it('P-9 none of them hides the others, and the worst exit wins', async () => {
    door.mode = 'mute';
    const planned = await on.plan('behind', 'unknown', 'changed', 'fine');
    expect(planned.exit, planned.said).toBe(7);
    expect([...planned.plans.keys()]).toEqual(['fine']);
    expect(planned.errors.map((error) => error.module).sort()).toEqual(['behind', 'changed', 'unknown']);
  });

  it('status shows what it could not read, from each: 7', async () => {
    door.mode = 'mute';
    const { exit, row } = await statusOf(on, 'behind');
    expect(exit).toBe(7);
    expect(row).toMatchObject({ source: 'mirror', error: { code: 'PCTL-HOST-SILENT' } });
    expect(await statusOf(on, 'changed')).toMatchObject({
      row: { source: 'mirror', error: { code: 'PCTL-GATE-HOST-KEY' } },
    });
  });

  it.each([
    ['user root', { user: 'root' }, 'behind', 4, /root/],
    ['a host that is not in the config', null, 'elsewhere', 4, /not in .platform\/config.yaml/],
  ])('%s: %s', async (_name, members, host, exit, why) => {
    const before = await on.repo.git('rev-parse', 'HEAD');
    onTestFinished(async () => {
      await on.repo.git('reset', '--quiet', '--hard', before);
      await on.repo.git('push', '--quiet', '--force', 'origin', 'HEAD:main');
    });
    if (members) await configure((hosts) => Object.assign(hosts[host] as object, members));
    await wants('odd', '1', host);
    await on.repo.publish('odd');
    const planned = await on.plan('odd');
    expect(planned.exit, planned.said).toBe(exit);
    expect(planned.said).toMatch(why);
  });
});

describe('between plan and apply', () => {
  beforeAll(async () => {
    await prepare(on, 'behind');
  });

  it('another machine answers at the address: 4, and it is told nothing', async () => {
    door.mode = 'other';
    const { value: ended, ms } = await timed(apply(on, 'behind'));
    expect(ended.exit, ended.said).toBe(4);
    expect(ended.result).toMatchObject({ changed: false, error: { code: 'PCTL-GATE-HOST-KEY' } });
    expect(ms).toBeLessThan(15_000 + SPARE);
  });

  it('the host accepts and stays silent: 7, nothing was changed', async () => {
    door.mode = 'mute';
    const { value: ended, ms } = await timed(apply(on, 'behind'));
    expect(ended.exit, ended.said).toBe(7);
    expect(ended.result).toMatchObject({
      outcome: 'remote_failed',
      changed: false,
      error: { code: 'PCTL-HOST-SILENT' },
    });
    expect(ms).toBeLessThan(15_000 + SPARE);
  });

  it('the same plan applies once the host is itself again', async () => {
    const ended = await apply(on, 'behind');
    expect(ended.exit, ended.said).toBe(9);
  });
});

describe('X-5, X-8 a host that goes silent in the middle of `up`', () => {
  /** An apply in the middle of `up`, whose connection is stopped: packets are taken and nothing comes back. Its `old` container ends once it is killed. */
  async function silenced(value: string) {
    await wants('fine', value, 'host1', STUBBORN);
    const sha = await on.repo.publish(value);
    await prepare(on, 'fine');
    const before = await runsOf(on);
    const running = await launch(on, 'fine');
    const run = await journalled(on, before, /^up started/m);
    const old = await replacing(on, 'fine');
    const stopped = await connectionOf(on, run);
    expect(stopped.length).toBeGreaterThan(0);
    signal(stopped, 'SIGSTOP');
    return { sha, run, running, stopped, old, since: Date.now() };
  }

  beforeAll(async () => {
    await wants('fine', 'stubborn', 'host1', STUBBORN);
    const ended = await change(on, 'fine');
    expect(ended.exit, ended.said).toBe(9);
  });

  it('and comes back after 5 s: the outcome is told as if nothing had been, 9', async () => {
    const { running, stopped, old } = await silenced('healed');
    await lab.docker('kill', old);
    await sleep(5_000);
    signal(stopped, 'SIGCONT');
    const ended = await running.ended;
    expect(ended.exit, ended.said).toBe(9);
    expect(await document(on, 'fine')).toMatchObject({ outcome: 'applied', intent: null });
  });

  it('and the connection never comes back, but a new one does: 9', async () => {
    const { running, stopped, old, since, sha } = await silenced('another');
    try {
      await lab.docker('kill', old);
      const ended = await running.ended;
      expect(ended.exit, ended.said).toBe(9);
      expect(ended.at - since).toBeLessThan(LOST + SPARE);
      expect(await document(on, 'fine')).toMatchObject({ outcome: 'applied', last_apply_sha: sha });
    } finally {
      signal(stopped, 'SIGCONT');
    }
  });

  it('and never speaks again: 15 in its limit; the host went on by itself', async () => {
    const listening = lab.host().sshd_pid;
    const { running, stopped, old, since, sha } = await silenced('never');
    process.kill(listening, 'SIGSTOP');
    try {
      await lab.docker('kill', old);
      const ended = await running.ended;
      expect(ended.exit, ended.said).toBe(15);
      expect(ended.result).toMatchObject({ outcome: 'unknown' });
      expect(ended.at - since).toBeLessThan(LOST + AGAIN + 15_000 + SPARE);
      expect(await document(on, 'fine')).toMatchObject({ outcome: 'applied', intent: null, last_apply_sha: sha });
    } finally {
      signal([listening, ...stopped], 'SIGCONT');
    }
    await until('the locks', async () => (await locks(on)).length === 0);
    expect((await statusOf(on, 'fine')).row).toMatchObject({ outcome: 'applied', last_apply_sha: sha });
    expect(await containers(on, 'fine')).toHaveLength(1);
    await until('every shell', async () => (await processes('platformctl', on.repo.remoteRoot())).length === 0);
  });

  it('before go, in a pull: 7 in its limit, nothing was changed', async () => {
    const registry = await silentRegistry();
    onTestFinished(registry.close);
    const image = `${registry.address}/never:1`;
    const pulls = (): Promise<number[]> => processes('docker', 'pull', image);
    const [container] = await containers(on, 'fine');
    await on.module('fine', {
      compose: { services: { fine: { ...IDLE, image } } },
      spec: { smoke: SMOKE },
    });
    await on.repo.publish('a pull');
    await prepare(on, 'fine');
    const running = await launch(on, 'fine');
    await until('the pull', async () => (await pulls()).length > 0);
    const [run] = (await locks(on)).map((lock) => lock.run_id);
    const stopped = await connectionOf(on, run ?? '');
    expect(stopped.length).toBeGreaterThan(0);
    const since = Date.now();
    signal(stopped, 'SIGSTOP');
    try {
      const ended = await running.ended;
      expect(ended.exit, ended.said).toBe(7);
      expect(ended.result).toMatchObject({ outcome: 'remote_failed', changed: false });
      expect(ended.at - since).toBeLessThan(LOST + SPARE);
      // 60 s without a word and the host lets go, though its sshd never tells it.
      await until('the lock', async () => (await locks(on)).length === 0);
      await until('the end of the pull', async () => (await pulls()).length === 0);
      expect(await containers(on, 'fine')).toEqual([container]);
    } finally {
      signal(stopped, 'SIGCONT');
    }
  });
});
