/** Modules in a throwaway repo, driven as an operator does it: plan, approve, apply, each through the built CLI, over real sshd. */
import { stringify } from 'yaml';
import type { Plan } from '../../src/manifest/types.js';
import type { Lab } from '../lab/lab.js';
import { type RepoOptions, type ThrowawayRepo, throwawayRepo } from '../lab/repo.js';

type Data = Readonly<Record<string, unknown>>;

export interface ModuleOptions {
  /** Default: the lab's first. */
  readonly host?: string;
  /** Default: `modules/<id>/compose.yaml`, which is then written from `compose`. */
  readonly composeFile?: string;
  readonly compose?: Data;
  /** Replaces members of `spec.runtime`. */
  readonly runtime?: Data;
  /** Replaces members of `spec`. */
  readonly spec?: Data;
}

export interface Failure {
  readonly module: string | null;
  readonly code: string;
  readonly summary: string;
  readonly why: string | null;
  readonly hint: string | null;
  readonly exitCode: number;
}

export interface Planned {
  readonly exit: number | null;
  readonly plans: ReadonlyMap<string, Plan>;
  readonly errors: readonly Failure[];
  /** What it said, on both channels. */
  readonly said: string;
}

export interface Applied {
  readonly exit: number | null;
  readonly outcome: string;
  readonly message: string;
  /** Of the gates. */
  readonly failures: readonly { readonly code: string; readonly exitCode: number }[];
  readonly said: string;
}

export interface Shipped {
  readonly planned: Planned;
  /** Of the modules that had changes. */
  readonly applied: ReadonlyMap<string, Applied>;
}

/** A container that stays until it is asked to go, and then goes at once. */
export const IDLE: Data = {
  image: 'lab/busybox:1',
  command: ['sleep', '100000'],
  init: true,
  restart: 'no',
  stop_grace_period: '1s',
};

/** As short as V-1 allows: a lab's containers are up at once or never. */
const SMOKE: Data = { stable_seconds: 1, timeout_seconds: 40 };
const PHASE = { PLATFORMCTL_PHASE: '05' };
/** Applies at once: a lab's machine has few cores. */
const AT_ONCE = 3;

export interface Stage {
  readonly lab: Lab;
  readonly repo: ThrowawayRepo;
  /** Writes a module's files; without `project` in `runtime` it gets one that no other repo has. */
  module(id: string, options?: ModuleOptions): Promise<void>;
  project(id: string): string;
  plan(...args: string[]): Promise<Planned>;
  approve(...ids: string[]): Promise<void>;
  apply(id: string, ...args: string[]): Promise<Applied>;
  /** plan, approve once, apply all that changes. */
  ship(...ids: string[]): Promise<Shipped>;
  /** Reasons of the module's service in a plan. */
  reasons(planned: Planned, id: string): readonly string[];
  action(planned: Planned, id: string): string | undefined;
  /** The id of a service's one container; throws where there is none or several. */
  container(project: string, service: string): Promise<string>;
  /** What a command says inside of a module's container. */
  inside(id: string, ...command: string[]): Promise<string>;
  /** A command of the agent on a host, which must succeed. */
  onHost(host: string, command: string, input?: string | Uint8Array): Promise<string>;
  /** What ends with the stage. */
  onDispose(end: () => void): void;
  dispose(): Promise<void>;
}

export async function stage(lab: Lab, options: RepoOptions = {}): Promise<Stage> {
  const repo = await throwawayRepo(lab, options);
  const projects = new Map<string, string>();
  const services = new Map<string, string>();
  const ends: (() => void)[] = [];
  const known = <T>(map: ReadonlyMap<string, T>, id: string): T => {
    const value = map.get(id);
    if (value === undefined) throw new Error(`no module ${id} was staged`);
    return value;
  };

  const self: Stage = {
    lab,
    repo,
    async module(id, { host = lab.host().name, composeFile, compose, runtime = {}, spec = {} } = {}) {
      const file = composeFile ?? `modules/${id}/compose.yaml`;
      const project = String(runtime.project ?? `${repo.id}-${id}`);
      const { smoke, ...others } = spec;
      const manifest = {
        apiVersion: 'platformctl/v1',
        kind: 'Module',
        metadata: { id },
        spec: {
          host,
          runtime: { orchestrator: 'docker-compose', compose_file: file, ...runtime, project },
          smoke: { ...SMOKE, ...(smoke as Data | undefined) },
          ...others,
        },
      };
      projects.set(id, project);
      services.set(id, String(runtime.compose_service ?? id));
      await repo.write(`modules/${id}/module.yaml`, stringify(manifest));
      if (compose) await repo.write(file, stringify(compose));
    },
    project: (id) => known(projects, id),
    async plan(...args) {
      const { exit, stdout, stderr } = await repo.platformctl(['plan', ...args, '--json']);
      const document = JSON.parse(stdout) as { plans?: Plan[]; errors?: Failure[]; error?: Failure };
      return {
        exit,
        plans: new Map((document.plans ?? []).map((plan) => [plan.module, plan])),
        errors: document.errors ?? (document.error ? [document.error] : []),
        said: stdout + stderr,
      };
    },
    async approve(...ids) {
      const { exit, stdout, stderr } = await repo.platformctl(['approve', ...ids]);
      if (exit !== 0) throw new Error(`approve exited ${exit}: ${stdout}${stderr}`);
    },
    async apply(id, ...args) {
      const { exit, stdout, stderr } = await repo.platformctl(['apply', id, '--json', ...args], { env: PHASE });
      const document = JSON.parse(stdout) as {
        results?: { outcome: string; message: string; gates: { failures: Applied['failures'] }[] }[];
        error?: { code: string; summary: string };
      };
      const [result] = document.results ?? [];
      return {
        exit,
        outcome: result?.outcome ?? 'error',
        message: result?.message ?? `${document.error?.code}: ${document.error?.summary}`,
        failures: result?.gates.flatMap((gate) => gate.failures) ?? [],
        said: stdout + stderr,
      };
    },
    async ship(...ids) {
      const planned = await self.plan(...ids);
      const todo = [...planned.plans.values()].filter((plan) => plan.exitCode === 1).map((plan) => plan.module);
      if (todo.length > 0) await self.approve(...todo);
      const applied = new Map<string, Applied>();
      await inParallel(todo, async (id) => {
        applied.set(id, await self.apply(id));
      });
      return { planned, applied };
    },
    reasons: (planned, id) => serviceChange(planned, id)?.reasons ?? [],
    action: (planned, id) => serviceChange(planned, id)?.action,
    async container(project, service) {
      const label = (name: string, value: string) => ['--filter', `label=com.docker.compose.${name}=${value}`];
      const found = await lab.docker(
        'ps',
        '-aq',
        '--no-trunc',
        ...label('project', project),
        ...label('service', service),
      );
      if (!/^[0-9a-f]{64}$/.test(found)) throw new Error(`${project}/${service} has the containers [${found}]`);
      return found;
    },
    async inside(id, ...command) {
      return lab.docker('exec', await self.container(self.project(id), known(services, id)), ...command);
    },
    async onHost(host, command, input) {
      const done = await lab.asAgent(host, command, input === undefined ? {} : { input });
      if (done.exit !== 0) throw new Error(`${command} exited ${done.exit} on ${host}: ${done.stderr}`);
      return done.stdout.trimEnd();
    },
    onDispose(end) {
      ends.push(end);
    },
    async dispose() {
      for (const end of ends) end();
      await removeProjects(lab, repo.id);
      await repo.dispose();
    },
  };
  return self;
}

function serviceChange(planned: Planned, id: string): Plan['changes'][number] | undefined {
  return planned.plans.get(id)?.changes.find((change) => change.target.startsWith('compose.service.'));
}

/** Runs `work` over all, a few at a time. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Containers, networks and volumes of every project that begins with the repo's id. */
async function removeProjects(lab: Lab, id: string): Promise<void> {
  const lines = async (...args: string[]): Promise<string[]> => (await lab.docker(...args)).split('\n').filter(Boolean);
  const format = '{{.ID}} {{.Label "com.docker.compose.project"}}';
  const mine = (rows: readonly string[]): string[] =>
    rows.filter((row) => row.split(' ')[1]?.startsWith(id)).map((row) => row.split(' ')[0] as string);
  const containers = mine(await lines('ps', '-a', '--format', format));
  if (containers.length > 0) await lab.docker('rm', '-f', '-v', ...containers);
  const networks = mine(await lines('network', 'ls', '--format', format));
  if (networks.length > 0) await lab.docker('network', 'rm', ...networks);
  const volumes = mine(await lines('volume', 'ls', '--format', '{{.Name}} {{.Label "com.docker.compose.project"}}'));
  if (volumes.length > 0) await lab.docker('volume', 'rm', ...volumes);
}
