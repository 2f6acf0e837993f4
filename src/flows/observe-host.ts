import { landlordsOf } from '../compose/affected.js';
import { skeleton } from '../compose/skeleton.js';
import { STEERING } from '../compose/steering.js';
import { PlatformError } from '../errors.js';
import { type Answers, type ComposeGroup, type FirstRound, firstRound, secondRound } from '../execute/observe.js';
import type { Exchange } from '../execute/protocol.js';
import { folderOf } from '../manifest/paths.js';
import type { Status } from '../manifest/types.js';
import { dotenvOf } from '../plan/files.js';
import type { Interrupted } from '../plan/interrupted.js';
import type { Limit } from '../ports.js';
import { parseStatus } from '../state/status.js';
import { halfway } from './between-rounds.js';
import { interruptedRun } from './interrupted.js';
import type { Delivered, Halfway, HostLook, Looked, PlanContext } from './looks.js';
import { planOf } from './planned.js';
import { failureOf, type Prepared } from './prepare.js';
import type { Failure, Undeclared } from './results.js';

const ROUND_MS = 120_000;

export async function lookAtHost(
  exchange: Exchange,
  host: string,
  prepared: readonly Prepared[],
  context: PlanContext,
): Promise<HostLook> {
  const errors: Failure[] = [];
  const limit: Limit = { ms: ROUND_MS + 1000 * prepared.length, step: 'observe' };
  const groups = await groupsOf(prepared, context);
  const first = await firstRound(
    exchange,
    host,
    [...new Map(groups.map(({ group }) => [group.key, group])).values()],
    limit,
  );
  const statuses = new Map<string, Status>();
  for (const [id, bytes] of first.statuses) {
    try {
      statuses.set(id, parseStatus(bytes, { host }));
    } catch (error) {
      if (prepared.some((one) => one.module.id === id)) errors.push(failureOf(error, id));
    }
  }
  const halves: Halfway[] = [];
  for (const { one, group } of groups) {
    if (errors.some((error) => error.module === one.module.id)) continue;
    try {
      const half = await halfway(one, group, first, statuses.get(one.module.id) ?? null, context);
      if ('failures' in half) errors.push(...half.failures);
      else halves.push(half);
    } catch (error) {
      errors.push(failureOf(error, one.module.id));
    }
  }
  const interrupted = new Map<string, Interrupted>();
  for (const { prepared: one, status } of halves) {
    if (!status?.intent) continue;
    const held = context.holding !== true && first.held.some((lock) => lock.name === `module.${one.module.id}`);
    const containers = first.containers.filter(
      (container) => container.project === one.project.name && container.service === one.module.service,
    );
    const found = await interruptedRun(exchange, host, status, first.engine, containers, held);
    if (found) interrupted.set(one.module.id, found);
  }
  const answers =
    halves.length === 0
      ? []
      : await secondRound(
          exchange,
          host,
          halves.map((half) => half.questions),
          limit,
        );
  const looked: Looked[] = [];
  const delivered = deliveredBy(statuses);
  const recreated = new Map<string, Set<string>>();
  for (const half of landlordsFirst(halves)) {
    const { module, project } = half.prepared;
    const others = recreated.get(project.name) ?? new Set();
    const result = await planOf(
      half,
      answers[halves.indexOf(half)] as Answers,
      first,
      delivered,
      context,
      interrupted.get(module.id) ?? null,
      others,
    );
    if ('failures' in result) errors.push(...result.failures);
    else {
      looked.push(result);
      if (result.plan.recreates) recreated.set(project.name, others.add(module.service));
    }
  }
  return { looked, errors, undeclared: undeclaredOn(host, first, statuses, prepared, context), first };
}

/** Each after those in whose namespaces it lives: whether they are recreated is a reason of its own (P-14). */
function landlordsFirst(halves: readonly Halfway[]): Halfway[] {
  const order = new Set<Halfway>();
  const visit = (half: Halfway, above: readonly Halfway[]): void => {
    if (order.has(half)) return;
    const landlords = landlordsOf(half.skeleton.resolved);
    for (const other of landlords.length === 0 ? [] : halves) {
      const { module, project } = other.prepared;
      const landlord = project.name === half.prepared.project.name && landlords.includes(module.service);
      if (landlord && !above.includes(other)) visit(other, [...above, half]);
    }
    order.add(half);
  };
  for (const half of halves) visit(half, []);
  return [...order];
}

async function groupsOf(
  prepared: readonly Prepared[],
  context: PlanContext,
): Promise<{ one: Prepared; group: ComposeGroup }[]> {
  const bytes = await context.read([
    ...new Set(prepared.filter((one) => one.wanted.dotenv === 'commit').map((one) => dotenvOf(one.module))),
  ]);
  const shared = new Map<string, Prepared[]>();
  const keyOf = (one: Prepared): string => `${one.project.name} ${one.composeFile} ${one.wanted.dotenv}`;
  for (const one of prepared) shared.set(keyOf(one), [...(shared.get(keyOf(one)) ?? []), one]);
  const groups = new Map<string, ComposeGroup>();
  for (const [key, members] of shared) {
    const [one] = members as [Prepared];
    const dotenv = one.wanted.dotenv;
    const variables = members.flatMap((member) => member.references.variables.map((variable) => variable.name));
    if (dotenv !== 'none') variables.push(...STEERING);
    groups.set(key, {
      key,
      project: one.project.name,
      folder: folderOf(one.composeFile) || '.',
      env:
        dotenv === 'commit'
          ? { bytes: bytes.get(dotenvOf(one.module)) ?? new Uint8Array() }
          : dotenv === 'host'
            ? 'real'
            : 'none',
      file: one.composeBytes,
      skeleton: skeleton(
        one.compose,
        members.map((member) => member.module.service),
        variables,
      ),
    });
  }
  return prepared.map((one) => ({ one, group: groups.get(keyOf(one)) as ComposeGroup }));
}

export function deliveredBy(statuses: ReadonlyMap<string, Status>): Delivered {
  const digests = new Map<string, Set<string>>();
  const paths = new Map<string, Set<string>>();
  for (const [id, status] of statuses) {
    for (const file of status.files) {
      if (file.source !== 'commit' || file.sha256 === null) continue;
      digests.set(file.path, (digests.get(file.path) ?? new Set()).add(file.sha256));
      paths.set(file.path, (paths.get(file.path) ?? new Set()).add(id));
    }
  }
  const byOthers = (module: string): Set<string> =>
    new Set([...paths].filter(([, ids]) => [...ids].some((id) => id !== module)).map(([path]) => path));
  return { digests, byOthers };
}

/** What is there and the commit does not declare: statuses without a module, containers of our projects without one (P-13). Never touched. */
function undeclaredOn(
  host: string,
  first: FirstRound,
  statuses: ReadonlyMap<string, Status>,
  prepared: readonly Prepared[],
  context: PlanContext,
): Undeclared[] {
  const found: Undeclared[] = [];
  for (const [id, status] of statuses) {
    if (context.declared.get(id)?.host === host || status.plan_digest === null) continue;
    found.push({
      host,
      project: String(status.project ?? ''),
      service: String(status.service ?? ''),
      module: id,
      state: 'managed before',
    });
  }
  const projects = new Set(prepared.map((one) => one.project.name));
  const byFile = new Map(prepared.map((one) => [one.module.composeFile, one.project.name]));
  const here = [...context.declared.values()].filter((one) => one.host === host);
  // A module that is not planned now, of a file that none of the planned ones shares, may be of any project.
  const isDeclared = (project: string, service: string): boolean =>
    here.some(
      (one) => one.service === service && [project, undefined].includes(one.project ?? byFile.get(one.composeFile)),
    );
  for (const container of first.containers) {
    const { project, service, state } = container;
    if (!project || !service || !projects.has(project) || isDeclared(project, service)) continue;
    if (found.some((one) => one.project === project && one.service === service)) continue;
    found.push({ host, project, service, module: null, state });
  }
  return found.sort((a, b) => (a.service < b.service ? -1 : 1));
}

/** A whole host that could not be looked at: every one of its modules failed for the same reason (P-9). */
export function hostFailures(error: unknown, prepared: readonly Prepared[]): Failure[] {
  if (!(error instanceof PlatformError)) throw error;
  return prepared.map((one) => failureOf(error, one.module.id));
}
