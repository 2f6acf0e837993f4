/** A fleet: hosts of a lab of its own, some modules on each that depend on each other, one apply for all of them. Shared by its test and the benchmark. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { type Lab, startLab } from '../lab/lab.js';

export interface FleetResult {
  readonly module: string;
  readonly host: string;
  readonly outcome: string;
  readonly digest: string;
  readonly message: string;
  readonly exitCode: number;
}

export interface FleetApplied {
  readonly exit: number | null;
  readonly seconds: number;
  readonly results: readonly FleetResult[];
  readonly said: string;
}

export interface Fleet {
  readonly lab: Lab;
  readonly on: Stage;
  /** Of a host, in the order in which they depend on each other. */
  modules(host: string): readonly string[];
  /** Every module wants this value; planned and approved with one signature. `dying`: a host whose second module is verified for longer than its death takes. */
  want(value: string, dying?: string): Promise<void>;
  /** One call for these modules. `kill`: a host whose sshd dies with all of its connections once its second module is in compose. */
  apply(ids: readonly string[], kill?: string): Promise<FleetApplied>;
  /** What of each result is not so on its host; [] where the table told the truth. */
  lies(applied: FleetApplied): Promise<string[]>;
  dispose(): Promise<void>;
}

interface Event {
  readonly module: string;
  readonly step: string;
}

export async function fleet(hosts: number, each: number): Promise<Fleet> {
  const lab = await startLab({ hosts });
  const on = await stage(lab);
  const modules = (host: string): string[] => Array.from({ length: each }, (_, index) => `${host}-m${index + 1}`);
  const all = lab.hosts.flatMap(({ name }) => modules(name));

  const self: Fleet = {
    lab,
    on,
    modules,
    async want(value, dying) {
      for (const { name } of lab.hosts) {
        for (const [index, id] of modules(name).entries()) {
          await on.module(id, {
            host: name,
            // No networks: an engine has addresses for about thirty.
            compose: { services: { [id]: { ...IDLE, network_mode: 'none', environment: { VALUE: value } } } },
            spec: {
              depends_on: index === 0 ? [] : [`${name}-m${index}`],
              ...(name === dying && index === 1 ? { smoke: { stable_seconds: 30 } } : {}),
            },
          });
        }
      }
      await on.repo.publish(value);
      const planned = await on.plan(...all);
      if (planned.exit !== 1) throw new Error(`plan exited ${planned.exit}: ${planned.said.slice(-2000)}`);
      await on.approve(...all);
    },
    async apply(ids, kill) {
      const second = kill === undefined ? undefined : modules(kill)[1];
      let heard = '';
      let killed = false;
      const started = process.hrtime.bigint();
      const done = await on.repo.platformctl(['apply', ...ids, '--keep-going', '--json-lines'], {
        env: { PLATFORMCTL_PHASE: '06' },
        timeoutMs: 900_000,
        started: (child) =>
          child.stdout?.on('data', (bytes: Buffer) => {
            heard += bytes;
            if (killed || kill === undefined) return;
            const events = heard
              .split('\n')
              .slice(0, -1)
              .filter((line) => line.startsWith('{"time"'));
            if (!events.some((line) => isUp(JSON.parse(line) as Event, second))) return;
            killed = true;
            killHost(lab, kill);
          }),
      });
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      const document = done.stdout.trimEnd().split('\n').at(-1) as string;
      const { results } = JSON.parse(document) as { results: FleetResult[] };
      return { exit: done.exit, seconds, results, said: done.stdout + done.stderr };
    },
    async lies({ results }) {
      const wrong: string[] = [];
      for (const { module, host, outcome, digest } of results) {
        const file = `${on.repo.remoteRoot(host)}/.platform/state/modules/${module}.status.json`;
        const text = await readFile(file, 'utf8').catch(() => null);
        const status = text === null ? null : (JSON.parse(text) as { outcome: string; plan_digest: string | null });
        const runs = status?.outcome === 'applied' && status.plan_digest === digest;
        if (outcome === 'applied' && !runs) wrong.push(`${module} is told applied, its host says ${text}`);
        if (outcome === 'skipped' && status?.plan_digest === digest) wrong.push(`${module} is told skipped, and runs`);
      }
      return wrong;
    },
    async dispose() {
      await on.dispose();
      await lab.stop();
    },
  };
  return self;
}

const isUp = (event: Event, module: string | undefined): boolean => event.step === 'up' && event.module === module;

/** The sshd that listens, and with it every connection that it made. */
function killHost(lab: Lab, name: string): void {
  const listening = lab.host(name).sshd_pid;
  // Children first: they do not die with the one that listens.
  const script =
    'for p in $(pgrep -P "$1"); do for q in $(pgrep -P "$p"); do kill -KILL "$q"; done; kill -KILL "$p"; done; kill -KILL "$1"';
  spawn('sh', ['-c', script, 'sh', `${listening}`], { stdio: 'ignore' });
}
