/** A look at what is to be removed (P-13), and its plan: from the host's record and the release that it keeps. */
import { PlatformError } from '../errors.js';
import { readFiles } from '../execute/answers.js';
import { firstRound } from '../execute/observe.js';
import { type Exchange, message } from '../execute/protocol.js';
import { EXIT_POLICY_VIOLATION } from '../exits.js';
import type { HostConfig } from '../manifest/model.js';
import type { Status } from '../manifest/types.js';
import { sha256 } from '../plan/artifact.js';
import { inRepo } from '../plan/files.js';
import { makePlan } from '../plan/make.js';
import type { Observation } from '../plan/observation.js';
import { keptPlan } from '../plan/release.js';
import { composeFileOf, removalOf } from '../plan/removal.js';
import { parseStatus } from '../state/status.js';
import { interruptedRun } from './interrupted.js';
import { appliedBefore, interruptedWords, type Looked, type PlanContext } from './looks.js';
import { deliveredBy } from './observe-host.js';

const LIMIT = { ms: 120_000, step: 'observe' };

/** A module that got another id: its old one must not take away what the new one manages. */
const managedBy = (id: string, other: string, host: HostConfig): PlatformError =>
  new PlatformError({
    code: 'PCTL-REMOVE-SHARED',
    exit: EXIT_POLICY_VIOLATION,
    summary: `what ${id} was is ${other}'s service now: removing it would take that away`,
    where: { host: host.name },
    hint: `to forget the old record alone, on ${host.name}: rm ${host.remoteRoot}/.platform/state/modules/${id}.status.json`,
  });

/** null where nothing of the module is applied there. @throws PlatformError what a damaged status throws */
export async function lookToRemove(
  exchange: Exchange,
  host: HostConfig,
  id: string,
  context: PlanContext,
): Promise<Looked | null> {
  const first = await firstRound(exchange, host.name, [], LIMIT);
  const statuses = new Map<string, Status>();
  for (const [module, bytes] of first.statuses) {
    try {
      statuses.set(module, parseStatus(bytes, { host: host.name }));
    } catch (error) {
      if (module === id) throw error;
    }
  }
  const status = statuses.get(id);
  if (status?.plan_digest == null) return null;
  const other = [...statuses].find(
    ([module, one]) =>
      module !== id && one.plan_digest != null && one.project === status.project && one.service === status.service,
  );
  if (other) throw managedBy(id, other[0], host);
  const digest = status.plan_digest;
  const paths = status.files.filter((file) => file.source === 'commit').map((file) => file.path);
  const [seen, kept] = await exchange(
    [message('files', ...paths), message('get', `releases/${id}/${digest}/plan.json`)],
    LIMIT,
  );
  const release = kept ? keptPlan(kept.out, digest) : null;
  const delivered = deliveredBy(statuses);
  const held = context.holding !== true && first.held.some((lock) => lock.name === `module.${id}`);
  const projectContainers = first.containers.filter((container) => container.project === status.project);
  const observation: Observation = {
    engine: first.engine,
    status,
    containers: projectContainers
      .filter((container) => container.service === status.service)
      .sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1)),
    projectContainers,
    files: seen ? readFiles(seen, paths, host.name) : new Map(),
    imageId: null,
    hashNow: null,
    hashBefore: null,
    composeBefore: null,
    labelHash: null,
    resolved: {},
    variables: new Map(),
    delivered: delivered.digests,
    namedByOthers: delivered.byOthers(id),
    held,
  };
  const removal = removalOf(status, release, observation, (path) => context.inCommit(inRepo(host, path)));
  const interrupted = await interruptedRun(exchange, host.name, status, first.engine, observation.containers, held);
  const smoke = status.smoke;
  const module = {
    id,
    host: host.name,
    service: String(status.service),
    delivery: release?.delivery ?? ('verify' as const),
    smoke: {
      timeoutSeconds: smoke?.timeout_seconds ?? 120,
      stableSeconds: smoke?.stable_seconds ?? 30,
      http: smoke?.http ?? null,
      exits: smoke?.exits ?? null,
    },
  };
  const plan = makePlan({
    version: context.version,
    createdAt: context.createdAt,
    kind: 'remove',
    module,
    host,
    project: { name: String(status.project), source: release?.project_source ?? 'manifest' },
    composeFile: release?.compose_file ?? composeFileOf(status),
    sourceSha: context.sourceSha,
    sourceDirty: false,
    manifestDigest: release?.manifest_digest ?? sha256(''),
    policy: context.policyOf({ module }),
    files: [],
    folders: [],
    imageReference: status.image?.reference ?? 'unknown',
    resolved: {},
    hasHealthcheck: smoke?.healthcheck ?? false,
    stopGraceSeconds: smoke?.stop_grace_seconds ?? 10,
    observation,
    changes: removal.changes,
    alsoAffected: [],
    destructive: removal.destructive,
    verdict: { exceptions: [], warnings: [] },
    warnings: [
      ...(removal.kept.length === 0 ? [] : [`kept on ${host.name}: ${removal.kept.join(', ')}`]),
      ...[...context.declared]
        .filter(([, one]) => one.host === host.name && one.dependsOn.includes(id))
        .map(([other]) => `${other} depends on it`),
      ...(interrupted ? [interruptedWords(interrupted)] : []),
    ],
  });
  return {
    plan,
    protected: false,
    job: module.smoke.exits !== null,
    lastApplied: appliedBefore(status),
    observation,
    dotenv: 'none',
    volumes: [],
    interrupted,
    verdicts: { text: null, resolved: null },
    bytes: new Map(),
  };
}
