/** What `plan` would say of files that are not written yet: the same judges, over the checkout as it will be. */
import type { Exchange } from '../execute/protocol.js';
import type { Platform } from '../manifest/model.js';
import type { Git, WorkTree, World } from '../ports.js';
import { quote } from '../quote.js';
import type { Obstacle } from './import-projects.js';
import type { Looked } from './looks.js';
import { lookAtHost } from './observe-host.js';
import { planContext, timestamp } from './plan-context.js';
import { prepare } from './prepare.js';
import type { Failure } from './results.js';
import { type Gathered, gatherWanted } from './wanted.js';

/** Text first, then what compose resolved: each may ask for exceptions that the one before could not see. */
const ROUNDS = 3;

export interface NewFile {
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

export interface Exception {
  readonly rule: string;
  readonly value: string | null;
}

/** Of one module. */
export interface Judgement {
  readonly exceptions: readonly Exception[];
  /** null: `adopt`. */
  readonly obstacle: Obstacle | null;
  /** The commit itself cannot have it: it would be refused before any host is asked. */
  readonly refused: boolean;
}

/** The checkout as it will be with further files in it. */
export function withFiles(world: World, git: Git, files: ReadonlyMap<string, NewFile>): Promise<Gathered> {
  const added = [...files].map(([path, { bytes, executable }]) => ({
    path,
    mode: executable ? '100755' : '100644',
    id: git.blobId(bytes),
    size: bytes.length,
  }));
  const workTree: WorkTree = {
    async entries(root) {
      const there = (await world.workTree?.entries(root)) ?? [];
      const all = [...there.filter(({ path }) => !files.has(path)), ...added];
      return all.sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    read: async (root, path, max) => files.get(path)?.bytes ?? (await world.workTree?.read(root, path, max)) ?? null,
  };
  return gatherWanted({ workTree }, git, { workTree: true, withoutCommit: true });
}

/** Judges modules of one host, with every exception that the policy asks for granted as far as it can be. */
export async function judgeModules(
  world: World,
  git: Git,
  exchange: Exchange,
  gathered: Gathered,
  host: string,
  ids: readonly string[],
): Promise<(id: string) => Judgement> {
  const now = timestamp(world.clock.now());
  const needed = new Map<string, Exception[]>();
  for (let round = 1; ; round++) {
    const platform = allowing(gathered.wanted.platform, needed);
    const { prepared, errors: refusals } = await prepare(gathered, platform, ids, now.slice(0, 10));
    const policy = { ref: '', sha: '', how: '', platform, platformBytes: new Uint8Array(), allowedSigners: null };
    const look =
      prepared.length === 0
        ? { looked: [], errors: [] }
        : await lookAtHost(exchange, host, prepared, planContext(world, git, gathered, policy, now));
    const asked = [...refusals, ...look.errors].filter(({ exception }) => exception);
    for (const { module, exception } of asked) {
      const before = needed.get(module ?? '') ?? [];
      if (exception && !before.some((other) => same(other, exception)))
        needed.set(module ?? '', [...before, exception]);
    }
    if (asked.length === 0 || round === ROUNDS) return (id) => judgementOf(id, refusals, look, needed);
  }
}

const same = (a: Exception, b: Exception): boolean => a.rule === b.rule && a.value === b.value;

function allowing(platform: Platform, needed: ReadonlyMap<string, readonly Exception[]>): Platform {
  const more = [...needed].flatMap(([module, exceptions]) =>
    exceptions.map(({ rule, value }) => ({ module, rule, value, reason: 'asked for by import', expires: null })),
  );
  return { ...platform, policy: { ...platform.policy, allow: [...platform.policy.allow, ...more] } };
}

function judgementOf(
  id: string,
  refusals: readonly Failure[],
  look: { readonly looked: readonly Looked[]; readonly errors: readonly Failure[] },
  needed: ReadonlyMap<string, readonly Exception[]>,
): Judgement {
  const refusal = refusals.find(({ module }) => module === id);
  const failure = refusal ?? look.errors.find(({ module }) => module === id);
  const looked = look.looked.find(({ plan }) => plan.module === id);
  const obstacle = failure ? obstacleOf(failure) : looked ? notAdopted(looked) : NOT_PLANNED;
  return { exceptions: needed.get(id) ?? [], obstacle, refused: refusal !== undefined };
}

const NOT_PLANNED: Obstacle = { why: 'it could not be planned', fix: 'platformctl validate' };

const obstacleOf = ({ summary, why, hint }: Failure): Obstacle => ({
  why: why === null ? summary : `${summary}; ${why}`,
  fix: hint,
});

/** Why the plan is another one than `adopt`; null: it is that one, or there is nothing to do any more. */
export function notAdopted({ plan, observation }: Looked): Obstacle | null {
  const change = plan.changes.find(({ target }) => target === `compose.service.${plan.service}`);
  if (!change || change.action === 'adopt' || change.action === 'none') return null;
  const count = observation.containers.length;
  if (count > 1)
    return {
      why: `it has ${count} containers, and a module is one`,
      fix: `in the folder of its compose file: docker compose -p ${quote(plan.project)} up -d --no-deps --no-recreate --scale ${quote(`${plan.service}=1`)} ${quote(plan.service)}`,
    };
  const modes = plan.files.flatMap(({ path, mode }) => {
    const seen = observation.files.get(path);
    return mode !== null && seen?.kind === 'file' && seen.mode !== null && seen.mode.padStart(4, '0') !== mode
      ? [{ path: `${plan.remote_root}/${path}`, mode, seen: seen.mode }]
      : [];
  });
  const [first] = modes;
  if (first)
    return {
      why: `${first.path} has the mode ${first.seen}, and git knows 644 and 755 only${modes.length > 1 ? ` (${modes.length} files)` : ''}`,
      fix: modes
        .slice(0, 20)
        .map(({ path, mode }) => `as root there: chmod ${mode} ${quote(path)}`)
        .join('\n'),
    };
  return {
    why: `${change.action}: ${change.reasons.filter((reason) => reason !== 'not yet managed').join(', ') || 'not yet managed'}${plan.recreates ? '; its container would be recreated' : ''}`,
    fix: 'where that is fine, apply it as it is planned',
  };
}
