/** What the tests of faults need beyond a stage: applies that are watched and disturbed while they run, and a look at what they left on the host. */
import type { ChildProcess } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Status } from '../../src/manifest/types.js';
import type { Stage } from '../accept/stage.js';
import type { Finished } from '../lab/process.js';

type Data = Readonly<Record<string, unknown>>;

/** One result of `apply --json`. */
export interface Result {
  readonly outcome: string;
  readonly message: string;
  readonly run_id: string | null;
  readonly changed: boolean;
  readonly log: readonly string[];
  readonly notes: readonly string[];
  readonly state_artifact: string | null;
  readonly remote: { readonly returncode: number | null; readonly stdout: string; readonly stderr: string } | null;
  readonly error: { readonly code: string; readonly summary: string; readonly hint: string | null } | null;
  readonly gates: readonly { readonly failures: readonly { readonly code: string; readonly why: string }[] }[];
}

export interface Ended extends Finished {
  /** null: it ended before it had one, or was killed. */
  readonly result: Result | null;
  /** Both channels. */
  readonly said: string;
  /** When: whoever awaits it may come later. Milliseconds. */
  readonly at: number;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** A module's row of `status --json`. */
export interface Row extends Partial<Status> {
  readonly module: string;
  readonly source: 'host' | 'mirror';
  readonly condition: string | null;
  readonly interrupted: { readonly run_id: string; readonly outcome: string; readonly why: string } | null;
  readonly error: { readonly code: string; readonly exitCode: number } | null;
}

/** A web server of the commit's page that stops at once. */
export const WEB: Data = {
  image: 'lab/busybox:1',
  command: ['httpd', '-f', '-p', '8080', '-h', '/www'],
  volumes: ['./www:/www:ro'],
  init: true,
  restart: 'no',
  stop_grace_period: '1s',
};

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `look` gives something; throws `what` after the limit, and one more look: this process itself may have stood still meanwhile. */
export async function until<T>(what: string, look: () => Promise<T | null | false>, ms = 120_000): Promise<T> {
  const end = Date.now() + ms;
  for (let last = false; !last; await sleep(50)) {
    last = Date.now() >= end;
    const found = await look();
    if (found !== null && found !== false) return found;
  }
  throw new Error(`after ${ms / 1000} s still waiting for ${what}`);
}

/** Starts an apply with its phase set, and hands it out while it runs. */
export const launch = (stage: Stage, id: string, ...args: string[]): Promise<Running> =>
  launchCommand(stage, ['apply', id, ...args]);

/** The same with any command; `phase` is what it may do. */
export async function launchCommand(stage: Stage, command: readonly string[], phase = '05'): Promise<Running> {
  return new Promise((started) => {
    const ended = stage.repo
      .platformctl([...command, '--json'], {
        env: { PLATFORMCTL_PHASE: phase },
        started: (child) => queueMicrotask(() => started({ child, ended })),
      })
      .then(
        (done): Ended => ({ ...done, result: resultOf(done.stdout), said: done.stdout + done.stderr, at: Date.now() }),
      );
  });
}

export const apply = async (stage: Stage, id: string, ...args: string[]): Promise<Ended> =>
  (await launch(stage, id, ...args)).ended;

function resultOf(stdout: string): Result | null {
  try {
    return (JSON.parse(stdout) as { results?: Result[] }).results?.[0] ?? null;
  } catch {
    return null;
  }
}

/** Plans what is committed and approves it; throws where there is nothing to change. */
export async function prepare(stage: Stage, id: string): Promise<void> {
  const planned = await stage.plan(id);
  if (planned.exit !== 1) throw new Error(`plan ${id} exited ${planned.exit}: ${planned.said}`);
  await stage.approve(id);
}

/** Publishes, plans, approves, applies. */
export async function change(stage: Stage, id: string, message = id): Promise<Ended> {
  await stage.repo.publish(message);
  await prepare(stage, id);
  return apply(stage, id);
}

export async function statusOf(stage: Stage, id: string): Promise<{ exit: number | null; row: Row; said: string }> {
  const { exit, stdout, stderr } = await stage.repo.platformctl(['status', id, '--json']);
  const [row] = (JSON.parse(stdout) as { modules: Row[] }).modules;
  if (!row) throw new Error(`status has no ${id}: ${stdout}${stderr}`);
  return { exit, row, said: stdout + stderr };
}

/** The status document as it lies on the host; null where there is none. Throws where it is no JSON. */
export async function document(stage: Stage, id: string): Promise<Status | null> {
  const bytes = await readFile(`${stage.repo.remoteRoot()}/.platform/state/modules/${id}.status.json`).catch(
    () => null,
  );
  return bytes === null ? null : (JSON.parse(bytes.toString()) as Status);
}

const runsFolder = (stage: Stage): string => `${stage.repo.remoteRoot()}/.platform/runs`;
export const runsOf = async (stage: Stage): Promise<string[]> => readdir(runsFolder(stage)).catch(() => []);

/** Waits until the journal of a run that was not there before has a line. `id`: of a run of this module, where several begin at once. */
export async function journalled(stage: Stage, before: readonly string[], line: RegExp, id?: string): Promise<string> {
  const read = (run: string, file: string): Promise<string> =>
    readFile(`${runsFolder(stage)}/${run}/${file}`, 'utf8').catch(() => '');
  return until(`${line} in a journal`, async () => {
    for (const run of await runsOf(stage)) {
      if (before.includes(run) || !line.test(await read(run, 'journal'))) continue;
      if (id === undefined || (await read(run, 'locks')).split('\n').includes(`module.${id}`)) return run;
    }
    return null;
  });
}

/** Processes whose command line has every one of these texts. */
export async function processes(...texts: string[]): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (texts.every((text) => line.includes(text)) && (await readlink(`/proc/${name}/exe`).catch(() => null)) !== null)
      found.push(Number(name));
  }
  return found;
}

/** Signals each of these processes; one that ended with the one before it is no error. */
export function signal(pids: readonly number[], name: NodeJS.Signals = 'SIGKILL'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** finish.sh itself: its session's leader, not the shells that it starts. */
export async function supervisor(stage: Stage, run: string): Promise<number> {
  const file = `${runsFolder(stage)}/${run}/finish.sh`;
  return until(`the supervisor of ${run}`, async () => {
    for (const pid of await processes(file, stage.repo.remoteRoot())) {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(session) === pid) return pid;
    }
    return null;
  });
}

/** Locks of the repo's host as `lock list --json` tells them. */
export async function locks(stage: Stage): Promise<{ name: string; state: string; run_id: string; who: string }[]> {
  const { stdout } = await stage.repo.platformctl(['lock', 'list', '--host', stage.lab.host().name, '--json']);
  return (JSON.parse(stdout) as { locks: { name: string; state: string; run_id: string; who: string }[] }).locks;
}

/** All containers of a module's service, in whatever state. */
export async function containers(stage: Stage, id: string): Promise<string[]> {
  const filters = ['project', 'service'].flatMap((name, index) => [
    '--filter',
    `label=com.docker.compose.${name}=${index === 0 ? stage.project(id) : id}`,
  ]);
  return (await stage.lab.docker('ps', '-aq', '--no-trunc', ...filters)).split('\n').filter(Boolean);
}

/** sshd's processes of the connections that hold a run's conversation: its talk.sh's ancestors, up to the one that listens. */
export async function connectionOf(stage: Stage, run: string): Promise<number[]> {
  const listening = stage.lab.host().sshd_pid;
  const found = new Set<number>();
  for (const talk of await processes('platformctl', stage.repo.remoteRoot(), run)) {
    for (let pid = talk; pid > 1 && pid !== listening; ) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      if (/^Name:\s+sshd/m.test(status)) found.add(pid);
      pid = Number(/^PPid:\s+([0-9]+)$/m.exec(status)?.[1] ?? 0);
    }
  }
  return [...found];
}

async function listens(listener: RequestListener): Promise<{ readonly address: string; close(): void }> {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A registry that says it is one and answers nothing else: a pull from it lasts as long as a test needs. One that says nothing at all is given up by the engine after 25 s. */
export const silentRegistry = (): ReturnType<typeof listens> =>
  listens((request, response) => {
    if (request.url === '/v2/') response.end();
  });

/** Holds a run in its verify for as long as a test needs. */
export interface Gate {
  /** Members of a module's `spec.smoke`. They hold a roll back to it too. */
  readonly smoke: Data;
  open(): void;
  close(): void;
}

/** A page that answers 503 until it is opened; it goes with the stage. */
export async function gate(stage: Stage): Promise<Gate> {
  let status = 503;
  const { address, close } = await listens((_, response) => response.writeHead(status).end());
  stage.onDispose(close);
  return {
    smoke: { timeout_seconds: 600, http: { url: `http://${address}/` } },
    open() {
      status = 200;
    },
    close() {
      status = 503;
    },
  };
}

/** A service that does not end when it is asked to: whoever replaces it is in the middle of `up` until somebody kills the old container. */
export const STUBBORN: Data = {
  image: 'lab/busybox:1',
  command: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'],
  restart: 'no',
  stop_grace_period: '280s',
};

/** Waits until compose has made the new container and asked the old one to end. Returns the old one. */
export async function replacing(stage: Stage, id: string): Promise<string> {
  return until('the new container', async () => {
    const found = await containers(stage, id);
    // The newest comes first.
    return found.length > 1 && (found.at(-1) ?? null);
  });
}

/** The module `web` that serves this page, published. */
export async function servesPage(stage: Stage, page: string, smoke: Data, service: Data = {}): Promise<string> {
  await stage.repo.write('modules/web/www/index.html', page);
  await stage.module('web', {
    compose: { services: { web: { ...WEB, environment: { VALUE: page }, ...service } } },
    spec: { smoke: { stable_seconds: 1, timeout_seconds: 40, ...smoke } },
  });
  return stage.repo.publish(page);
}
