/** `drift` (P-11): hosts against what was last applied there, whatever the branch says by now. */
import { changedKeys } from '../compose/diff.js';
import { parseCompose } from '../compose/file.js';
import type { ComposeFile } from '../compose/model.js';
import { overRun } from '../execute/converse.js';
import { appliedRound, type DefinitionAnswer, definitionRound } from '../execute/drift.js';
import { firstRound } from '../execute/observe.js';
import type { Exchange } from '../execute/protocol.js';
import { EXIT_BUSY, EXIT_CHANGES, EXIT_NO_CHANGES, EXIT_UNKNOWN, type ExitCode, worstExit } from '../exits.js';
import type { Platform } from '../manifest/model.js';
import { modulesNamed } from '../manifest/names.js';
import { folderOf } from '../manifest/paths.js';
import type { Status } from '../manifest/types.js';
import { type Definition, differs, driftOf } from '../plan/drift.js';
import { keptPlan } from '../plan/release.js';
import { composeFileOf } from '../plan/removal.js';
import type { World } from '../ports.js';
import { parseStatus } from '../state/status.js';
import { hostAddress } from './addresses.js';
import { interruptedRun } from './interrupted.js';
import { fail, interruptedWords } from './looks.js';
import { deliveredBy } from './observe-host.js';
import { resolvePolicy } from './policy.js';
import { failureOf } from './prepare.js';
import { readPlatform } from './read-platform.js';
import { askedModules } from './references.js';
import type { DriftResult, DriftRow } from './results.js';
import { gatherWanted } from './wanted.js';

const LIMIT = { ms: 120_000, step: 'observe' };

/** @param names ids and names of stacks, declared or not; none: every module, and what is undeclared on their hosts */
export async function driftFlow(world: World, names: readonly string[]): Promise<DriftResult> {
  const git = await world.openGit(world.directory);
  const { wanted } = await gatherWanted(world, git, { workTree: true });
  const { platform } = await resolvePolicy(world, git, { asking: false }, readPlatform);
  const ids = names.length === 0 ? [...wanted.modules.keys()] : modulesNamed(wanted, names);
  const declared = new Map([...wanted.modules.values()].map((module) => [module.id, module.host]));
  const undeclared = new Set(ids.filter((id) => !declared.has(id)));
  const hosts =
    undeclared.size > 0 ? [...platform.hosts.keys()] : [...new Set(ids.map((id) => declared.get(id) as string))];
  const rows = (
    await Promise.all(
      hosts.map((host) => {
        const here = ids.filter((id) => declared.get(id) === host);
        const also = (id: string): boolean => undeclared.has(id) || (names.length === 0 && declared.get(id) !== host);
        return hostRows(world, platform, host, here, also).catch((error: unknown) =>
          [...here, ...undeclared].map((id) => unread(id, host, error)),
        );
      }),
    )
  ).flat();
  // What no host has a record of is nobody's.
  askedModules(wanted, [...undeclared], (id) => rows.some((row) => row.module === id));
  return {
    rows: rows.sort((a, b) => (a.module < b.module ? -1 : a.module > b.module ? 1 : a.host < b.host ? -1 : 1)),
    exitCode: worstExit(rows.map(exitOf)),
  };
}

function exitOf(row: DriftRow): ExitCode {
  if (row.error) return row.error.exitCode;
  return row.drifted ? EXIT_CHANGES : EXIT_NO_CHANGES;
}

const unread = (module: string, host: string, error: unknown): DriftRow => ({
  module,
  host,
  drifted: null,
  pending: false,
  changes: [],
  error: failureOf(error, module),
});

/** `also`: whether a module that the host has a status of is told too. */
async function hostRows(
  world: World,
  platform: Platform,
  name: string,
  ids: readonly string[],
  also: (id: string) => boolean,
): Promise<DriftRow[]> {
  const host = await world.connect(hostAddress(platform, name));
  try {
    return await rowsOn(overRun(host, platform.hosts.get(name)?.remoteRoot ?? ''), name, ids, also);
  } finally {
    await host.close();
  }
}

async function rowsOn(
  exchange: Exchange,
  host: string,
  ids: readonly string[],
  also: (id: string) => boolean,
): Promise<DriftRow[]> {
  const first = await firstRound(exchange, host, [], LIMIT);
  const statuses = new Map<string, Status>();
  const rows: DriftRow[] = [];
  for (const [id, bytes] of first.statuses) {
    try {
      statuses.set(id, parseStatus(bytes, { host }));
    } catch (error) {
      if (ids.includes(id) || also(id)) rows.push(unread(id, host, error));
    }
  }
  const told = [...ids, ...[...statuses.keys()].filter((id) => !ids.includes(id) && also(id))];
  const applied = told.flatMap((id) => {
    const status = statuses.get(id);
    if (status?.plan_digest != null) return [{ id, status, digest: status.plan_digest }];
    if (ids.includes(id) && !rows.some((row) => row.module === id))
      rows.push({ module: id, host, drifted: null, pending: false, changes: [], error: null });
    return [];
  });
  const paths = (status: Status, source: 'commit' | 'host') =>
    status.files.filter((file) => file.source === source).map((file) => file.path);
  const seen = await appliedRound(
    exchange,
    host,
    applied.map(({ id, status, digest }) => ({
      module: id,
      digest,
      files: paths(status, 'commit'),
      hostFiles: paths(status, 'host'),
    })),
    LIMIT,
  );
  const delivered = deliveredBy(statuses).digests;
  const questions = applied.flatMap(({ id, status, digest }, index) => {
    const moved = status.files.some(
      (file) => ['compose', 'dotenv'].includes(String(file.role)) && differs(file, seen[index]?.files.get(file.path)),
    );
    if (!moved) return [];
    const composeFile = composeFileOf(status);
    return [
      {
        module: id,
        digest,
        project: String(status.project),
        service: String(status.service),
        composeFile,
        folder: folderOf(composeFile) || '.',
        env: status.files.some((file) => file.role === 'dotenv') ? ('real' as const) : ('none' as const),
      },
    ];
  });
  const answers = new Map(
    (await definitionRound(exchange, questions, LIMIT)).map((answer, index) => [questions[index]?.module, answer]),
  );
  for (const [index, { id, status, digest }] of applied.entries()) {
    const projectContainers = first.containers.filter((container) => container.project === status.project);
    const containers = projectContainers.filter((container) => container.service === status.service);
    const held = first.held.some((lock) => lock.name === `module.${id}`);
    const interrupted = await interruptedRun(exchange, host, status, first.engine, containers, held);
    const release = keptPlan(seen[index]?.plan ?? new Uint8Array(), digest);
    const drift = driftOf(
      status,
      {
        engine: first.engine,
        status,
        containers,
        projectContainers,
        files: seen[index]?.files ?? new Map(),
        imageId: null,
        hashNow: null,
        hashBefore: null,
        composeBefore: null,
        labelHash: null,
        resolved: {},
        variables: new Map(),
        delivered,
        namedByOthers: new Set(),
        held,
      },
      definitionOf(status, answers.get(id)),
      release?.delivery ?? 'push',
    );
    const unknown = interrupted?.outcome === 'unknown' || (!interrupted && status.outcome === 'unknown');
    const error =
      interrupted?.outcome === 'applying'
        ? fail(id, 'PCTL-RUN-GOING', EXIT_BUSY, 'a run is going on', `platformctl status ${id}`, null, { host })
        : unknown
          ? fail(
              id,
              'PCTL-RUN-UNKNOWN',
              EXIT_UNKNOWN,
              interrupted ? interruptedWords(interrupted) : 'the last run is unknown',
              `platformctl plan ${id}`,
              null,
              { host },
            )
          : null;
    rows.push({ module: id, host, ...drift, error });
  }
  return rows;
}

/** Where the file on the host is the one that was applied nobody asked, and nothing differs. */
function definitionOf(status: Status, answer: DefinitionAnswer | undefined): Definition {
  if (!answer) return { onHost: 'as applied', applied: null, hashNow: null };
  const applied = parsed(answer.applied);
  const deployed = parsed(answer.deployed);
  const same =
    applied !== null &&
    deployed !== null &&
    answer.appliedHash !== null &&
    answer.appliedHash === answer.deployedHash &&
    // What stands at the top level is in no hash (P-6).
    !changedKeys(applied, deployed, String(status.service)).some((key) =>
      /^(volumes|networks|configs|secrets)\./.test(key),
    );
  return { onHost: same ? 'as applied' : 'other', applied, hashNow: answer.appliedHash };
}

function parsed(bytes: Uint8Array): ComposeFile | null {
  if (bytes.length === 0) return null;
  const result = parseCompose(bytes, 'compose.yaml');
  return result.ok ? result.file : null;
}
