/** G-9: the host is as the plan saw it, and the plan was not used before. */
import { EXIT_STALE } from '../exits.js';
import type { Plan } from '../manifest/types.js';
import { canonical } from '../plan/artifact.js';
import { type GateFacts, planAgain } from './facts.js';
import { spentWords } from './spent.js';
import { failure, type GateFailure, type GateVerdict, verdict } from './verdict.js';

type Identity = NonNullable<Plan['observed']>['identity'];
type Seen = Identity['files'][number];

export function freshnessGate(facts: GateFacts): GateVerdict {
  const { plan, stage, identity, status } = facts;
  const again = planAgain(plan);
  const stale = (code: string, why: string): GateFailure => failure(EXIT_STALE, code, why, again);
  const failures: GateFailure[] = [];
  const spent = spentWords(plan, status);
  if (spent !== null) failures.push(stale('PCTL-PLAN-SPENT', spent));
  if (identity === null || status === undefined) {
    if (stage === 'under lock') failures.push(stale('PCTL-PLAN-STALE', `what is on ${plan.host} now is not known`));
    return verdict('G-9', 'freshness', failures, false);
  }
  const planned = plan.observed?.identity;
  if (!planned)
    return verdict('G-9', 'freshness', [
      ...failures,
      stale('PCTL-PLAN-STALE', 'the plan does not say what was on the host'),
    ]);
  const moved = (why: string) => failures.push(stale('PCTL-PLAN-STALE', why));
  const serial = status?.serial ?? 0;
  if (serial !== planned.serial || identity.serial !== planned.serial) {
    moved(`${plan.module} was changed since the plan: serial ${serial}, the plan saw ${planned.serial}`);
  }
  if (containers(identity) !== containers(planned))
    moved(`the container of ${plan.service} is not the one that the plan saw`);
  // Where there was none, preflight pulls it and V-4 compares with what it found.
  if (planned.image_id !== null && identity.image_id !== planned.image_id)
    moved(`${plan.image.reference} means another image now`);
  if (identity.compose_version !== planned.compose_version) {
    moved(`compose on ${plan.host} is ${identity.compose_version}; the plan saw ${planned.compose_version}`);
  }
  const now = new Map(identity.files.map((file) => [file.path, file]));
  const known = new Set(planned.files.map((file) => file.path));
  for (const file of planned.files) {
    if (!fresh(plan, file, now.get(file.path))) moved(`file on host changed since the plan: ${file.path}`);
  }
  for (const file of plan.files) if (!known.has(file.path)) moved(`the plan does not say what it saw at ${file.path}`);
  for (const why of otherwise(plan, facts.remade)) moved(why);
  return verdict('G-9', 'freshness', failures);
}

/**
 * What compose resolves, the image and the smoke are what the plan says (P-12). The stable time may have become shorter: what an interrupted run left behind made it
 * longer, and may be gone.
 */
function otherwise(plan: Plan, remade: GateFacts['remade']): string[] {
  if (remade === null) return ['what the plan would be now is not known'];
  const wrong: string[] = [];
  if (plan.image.reference !== remade.image.reference)
    wrong.push(`the image is ${remade.image.reference}; the plan says ${plan.image.reference}`);
  const planned = new Map<string, unknown>(Object.entries(plan.resolved));
  const now = new Map<string, unknown>(Object.entries(remade.resolved));
  const keys = [...new Set([...planned.keys(), ...now.keys()])].sort();
  const differing = keys.filter((key) => canonical(planned.get(key) ?? null) !== canonical(now.get(key) ?? null));
  if (differing.length > 0) wrong.push(`compose resolves otherwise than the plan says: ${differing.join(', ')}`);
  const { stable_seconds: stable, ...smoke } = plan.smoke;
  const { stable_seconds: least, ...smokeNow } = remade.smoke;
  if (canonical(smoke) !== canonical(smokeNow) || stable < least)
    wrong.push('the smoke is not the one that the plan says');
  if (plan.kind !== 'apply') wrong.push(...unlikeItsRelease(plan, remade));
  return wrong;
}

/** A rollback and a removal are made of what the host keeps, so all that they do is known here; a rollback whose release was approved carries no signature. */
function unlikeItsRelease(plan: Plan, remade: NonNullable<GateFacts['remade']>): string[] {
  const removed = (changes: Plan['changes']) =>
    changes
      .filter(({ action, target }) => action === 'remove' && target.startsWith('file.'))
      .map(({ target }) => target);
  const foreign = removed(plan.changes).filter((target) => !removed(remade.changes).includes(target));
  return [
    ...(plan.image.id === remade.image.id ? [] : ['the image is not that of the release']),
    ...foreign.map((target) => `it removes ${target.slice('file.'.length)}, which is not its to remove`),
    ...(plan.kind === 'rollback' ? unlikeItsCommit(plan, remade) : []),
  ];
}

/** What a rollback would write and do, member by member. */
function unlikeItsCommit(plan: Plan, remade: NonNullable<GateFacts['remade']>): string[] {
  const service = ({
    changes,
    recreates,
    force_recreate: force,
  }: Pick<Plan, 'changes' | 'recreates' | 'force_recreate'>) =>
    canonical([
      changes.find(({ target }) => !target.startsWith('file.'))?.action ?? null,
      recreates,
      // What is recreated anyway may be forced too: an unhealthy one is, and it may have become that since.
      recreates ? null : force,
    ]);
  const folders = plan.folders.filter((folder) => !remade.folders.includes(folder));
  return [
    ...(canonical(plan.files) === canonical(remade.files) ? [] : ['its files are not those of the release']),
    ...folders.map((folder) => `it makes the folder ${folder}, which the release does not need`),
    ...(service(plan) === service(remade) ? [] : ['it does something else with the container than the release needs']),
  ];
}

/** The container set as text: order says nothing. */
function containers(identity: Identity): string {
  return identity.containers
    .map(({ id, image, config_hash }) => `${id} ${image} ${config_hash}`)
    .sort()
    .join('\n');
}

/**
 * A file is as the plan saw it, or already as the plan's own commit has it: then another plan of that commit, which shares the file, was applied in between.
 * A file that the plan removes may be gone already.
 */
function fresh(plan: Plan, seen: Seen, now: Seen | undefined): boolean {
  if (!now) return false;
  const same = now.kind === seen.kind && now.digest === seen.digest && now.mode === seen.mode && now.uid === seen.uid;
  if (same) return true;
  const own = plan.files.find((file) => file.path === seen.path);
  if (own?.source === 'commit') return now.kind === 'file' && own.sha256 !== null && now.digest === own.sha256;
  const removed = plan.changes.some((change) => change.target === `file.${seen.path}` && change.action === 'remove');
  return !own && removed && now.kind === 'absent';
}
