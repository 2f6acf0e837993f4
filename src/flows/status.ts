/** What runs, and what the last runs left behind: the host is the truth, the mirror in this checkout what is left without it. */
import { overRun } from '../execute/converse.js';
import { firstRound } from '../execute/observe.js';
import { decode } from '../execute/protocol.js';
import {
  EXIT_NO_CHANGES,
  EXIT_REMOTE_FAILED,
  EXIT_TOOL_ERROR,
  EXIT_UNKNOWN,
  type ExitCode,
  worstExit,
} from '../exits.js';
import type { Platform, ServiceModule } from '../manifest/model.js';
import type { Status } from '../manifest/types.js';
import { conditionOf, runsOf } from '../plan/observation.js';
import type { World } from '../ports.js';
import { headsIn } from '../record/heads.js';
import { parseStatus } from '../state/status.js';
import { hostAddress } from './addresses.js';
import { rememberHeads } from './heads.js';
import { hostsToLookAt } from './host-looks.js';
import { interruptedRun } from './interrupted.js';
import { resolvePolicy } from './policy.js';
import { failureOf, failureOn } from './prepare.js';
import { projectOn, withProject } from './project-on.js';
import { readPlatform } from './read-platform.js';
import { mirrorPath } from './record-here.js';
import { askedModules } from './references.js';
import type { Failure, StatusResult, StatusRow, Undeclared } from './results.js';
import { type Gathered, gatherWanted } from './wanted.js';

const MIRROR_MAX = 16 * 1024 * 1024;
const OBSERVE = { ms: 120_000, step: 'observe' };

/** @param names ids and names of stacks; none: every module, and what is undeclared on any host of the config */
export async function statusFlow(world: World, names: readonly string[]): Promise<StatusResult> {
  const git = await world.openGit(world.directory);
  const gathered = await gatherWanted(world, git, { workTree: true });
  const policy = await resolvePolicy(world, git, { asking: false }, readPlatform);
  const asked = new Set(askedModules(gathered.wanted, names));
  const modules = [...gathered.wanted.modules.values()].filter(({ id }) => names.length === 0 || asked.has(id));
  const all = names.length === 0 ? hostsToLookAt(policy.platform) : [];
  const hosts = [...new Set([...modules.map((module) => module.host), ...all])];
  const parts = await Promise.all(
    hosts.map((host) =>
      hostRows(
        world,
        git.root,
        policy.platform,
        host,
        modules.filter((module) => module.host === host),
        gathered,
      ),
    ),
  );
  const rows = parts.flatMap((part) => part.rows).sort((a, b) => (a.module < b.module ? -1 : 1));
  const errors = parts.flatMap((part) => part.errors);
  const codes: ExitCode[] = rows.map((row) => {
    if (row.error) return row.error.exitCode;
    if (row.interrupted?.outcome === 'unknown' || row.status?.outcome === 'unknown') return EXIT_UNKNOWN;
    return EXIT_NO_CHANGES;
  });
  return {
    rows,
    undeclared: names.length > 0 ? [] : parts.flatMap((part) => part.undeclared),
    errors,
    exitCode: worstExit([...codes, ...errors.map((error) => error.exitCode)]),
  };
}

async function hostRows(
  world: World,
  root: string,
  platform: Platform,
  name: string,
  modules: readonly ServiceModule[],
  gathered: Gathered,
): Promise<Omit<StatusResult, 'exitCode'>> {
  try {
    const host = await world.connect(hostAddress(platform, name));
    try {
      const remoteRoot = platform.hosts.get(name)?.remoteRoot ?? '';
      const exchange = overRun(host, remoteRoot);
      const first = await firstRound(exchange, name, [], OBSERVE);
      const rows: StatusRow[] = [];
      const declared = new Set<string>();
      const ours = new Set<string>();
      for (const module of modules) {
        const bytes = first.statuses.get(module.id);
        const { status, error } = readStatus(bytes, name, module.id);
        const known = status ? module : await withProject(module, gathered.read);
        const project = projectOn(platform, known, status);
        ours.add(project);
        declared.add(`${project}\n${module.service}`);
        const containers = first.containers.filter(
          (container) => container.project === project && container.service === module.service,
        );
        const held = first.held.some((lock) => lock.name === `module.${module.id}`);
        rows.push({
          module: module.id,
          host: name,
          source: 'host',
          mirrorOf: null,
          condition: conditionOf(containers, first.engine.now),
          runs: runsOf(status, containers),
          hasHealthcheck: containers.some((container) => container.health !== null),
          exceptions: typeof status?.exceptions === 'number' ? status.exceptions : 0,
          status,
          interrupted: status ? await interruptedRun(exchange, name, status, first.engine, containers, held) : null,
          error,
        });
        if (status && bytes) await world.files.write(mirrorPath(root, module.id), bytes).catch(() => undefined);
      }
      await rememberHeads(
        world,
        root,
        name,
        [...first.statuses.values()].flatMap((bytes) => headsIn(decode(bytes))),
      );
      const ids = new Set(
        [...gathered.wanted.modules.values()].filter(({ host }) => host === name).map(({ id }) => id),
      );
      const undeclared: Undeclared[] = [];
      for (const [id, bytes] of first.statuses) {
        if (ids.has(id)) continue;
        const { status, error } = readStatus(bytes, name, id);
        // Removed, or never applied with success: nothing of it is there.
        if (status?.plan_digest === null) continue;
        undeclared.push({
          host: name,
          project: String(status?.project ?? ''),
          service: String(status?.service ?? ''),
          module: id,
          state: error ? 'its status cannot be read' : 'managed before',
        });
      }
      for (const { project, service, state } of first.containers) {
        if (project && service && ours.has(project) && !declared.has(`${project}\n${service}`))
          undeclared.push({ host: name, project, service, module: null, state });
      }
      return { rows, undeclared, errors: [] };
    } finally {
      await host.close();
    }
  } catch (error) {
    const rows: StatusRow[] = [];
    for (const module of modules) rows.push(await mirrorRow(world, root, module, error));
    const errors = modules.length > 0 ? [] : [unread(error, null, name)];
    return { rows, undeclared: [], errors };
  }
}

/** A document that is refused or damaged is a failure of its module alone (P-9). */
function readStatus(
  bytes: Uint8Array | undefined,
  host: string,
  id: string,
): { readonly status: Status | null; readonly error: Failure | null } {
  try {
    return { status: bytes ? parseStatus(bytes, { host }) : null, error: null };
  } catch (error) {
    return { status: null, error: failureOf(error, id) };
  }
}

/** The host could not be read: what this checkout remembers, and that it is no more than that. */
async function mirrorRow(world: World, root: string, module: ServiceModule, error: unknown): Promise<StatusRow> {
  const path = mirrorPath(root, module.id);
  const bytes = await world.files.read(path, MIRROR_MAX);
  let status: Status | null = null;
  try {
    status = bytes ? parseStatus(bytes, { file: path }) : null;
  } catch {
    status = null;
  }
  const written = status?.attempt?.ended_at ?? status?.applied_at ?? null;
  return {
    module: module.id,
    host: module.host,
    source: 'mirror',
    mirrorOf: written,
    condition: null,
    runs: null,
    hasHealthcheck: false,
    exceptions: typeof status?.exceptions === 'number' ? status.exceptions : 0,
    status,
    interrupted: null,
    error: unread(error, module.id, module.host),
  };
}

/** Whatever keeps a host from being read is 7 here, but for what is wrong with this machine. */
function unread(error: unknown, module: string | null, host: string): Failure {
  const failure = failureOn(host, error, module);
  const exitCode = failure.exitCode === EXIT_TOOL_ERROR ? EXIT_TOOL_ERROR : EXIT_REMOTE_FAILED;
  return { ...failure, exitCode };
}
