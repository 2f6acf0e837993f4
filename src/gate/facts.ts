/** Everything that the gates judge, as values gathered beforehand (3-gates). A null means that it is not known (yet). */
import type { Verdict } from '../compose/model.js';
import type { Platform, ServiceModule } from '../manifest/model.js';
import type { Plan, Status } from '../manifest/types.js';
import type { ApprovalFacts } from './approval.js';

/**
 * `without host`: before a host was asked; what needs it is left open. `under lock`: everything has to be known, and what is not known is a failure.
 */
export type Stage = 'without host' | 'under lock';

export interface GateFacts {
  readonly stage: Stage;
  /** As `parsePlan` gave it: schema and digest hold. */
  readonly plan: Plan;
  /** config.yaml at the policy ref, never the plan's commit's. */
  readonly platform: Platform;
  /** G-1: what judges now. `ref`: a branch, or the SHA that the caller named; `digest` by `policyDigest`. */
  readonly policy: { readonly ref: string; readonly sha: string; readonly digest: string };
  /** G-2. `value`: PLATFORMCTL_PHASE of the real environment; `needed`: 5 for one plan, 6 for several or `rollback`; `asked` false: a dry run. */
  readonly phase: { readonly value: string | undefined; readonly needed: 5 | 6; readonly asked: boolean };
  readonly provenance: ProvenanceFacts;
  /** G-8: services of the plan's project that other plans of the same call recreate. */
  readonly recreatedBeside: readonly string[];
  /** G-4, G-8. */
  readonly approval: ApprovalFacts;
  /** G-5, seen on the host. */
  readonly paths: HostPaths | null;
  /** G-6: the connection that was made, with its host key checked; from `Host.describe()`. */
  readonly connection: { readonly transport: string; readonly user: string; readonly hostKey: string | null } | null;
  /** G-7: the verdict over the commit's text, and over what the host's compose resolved. */
  readonly compose: { readonly text: Verdict | null; readonly resolved: Verdict | null };
  /** G-9: what was observed under the lock, in the plan's form; for exactly the paths of `plan.observed.identity.files`. */
  readonly identity: NonNullable<Plan['observed']>['identity'] | null;
  /** The plan as its commit and this host give it now: what it says beyond what it saw has to be the same. null: the host was not asked. */
  readonly remade: Pick<
    Plan,
    | 'resolved'
    | 'smoke'
    | 'image'
    | 'files'
    | 'folders'
    | 'changes'
    | 'recreates'
    | 'force_recreate'
    | 'destructive'
    | 'project'
    | 'service'
    | 'compose_file'
    | 'delivery'
  > | null;
  /** The host's status document. null: it has none (never applied); undefined: not read. */
  readonly status: Status | null | undefined;
}

export interface ProvenanceFacts {
  /** `--approved-sha` as typed. */
  readonly approvedSha: string | null;
  /** `--approved-pr`. */
  readonly approvedPr: number | null;
  /** `plan.source_sha` is a commit of this repo. */
  readonly commitPresent: boolean;
  /** It is the policy ref's commit or an ancestor of it. */
  readonly inPolicyHistory: boolean;
  /** The module as its manifest at `plan.source_sha` declares it, null where there is none. */
  readonly module: ServiceModule | null;
  /** Where that commit's manifest and compose file lead: the compose project and the file beneath remote_root. null: not known. */
  readonly target: { readonly project: string; readonly composeFile: string } | null;
  /** SHA-256 of the manifest's bytes at that commit. */
  readonly manifestDigest: string | null;
  /** All `source: commit` files that the plan's rules give at that commit, in the plan's form. null: they could not be made. */
  readonly files: readonly Pick<Plan['files'][number], 'path' | 'blob' | 'sha256' | 'mode'>[] | null;
  /** The commit that was applied last declares the module `protected`. */
  readonly wasProtected: boolean;
  /** How the plan's commit stands to the module's `last_apply_sha`; null: the host was not read. */
  readonly lastApplied: { readonly sha: string | null; readonly relation: Relation } | null;
}

/** Of the plan's commit to the last applied one: `never` applied, `same`, a `descendant`, an `ancestor`, or `diverged` (also: the old one is not in this repo). */
export type Relation = 'never' | 'same' | 'descendant' | 'ancestor' | 'diverged';

export interface HostPaths {
  /** Where `remote_root` leads once links are followed. */
  readonly realRoot: string;
  /** The engine's data root there. */
  readonly engineRoot: string;
  /** Paths of the plan that lead out of `remote_root` through a link. */
  readonly outside: readonly string[];
}

/** Whether a plan does anything (X-4). Not `exitCode` alone: it is a member like any other, and an unsigned plan may lie in it. */
export function changesAnything(plan: Plan): boolean {
  return (
    plan.exitCode !== 0 ||
    plan.recreates ||
    plan.force_recreate ||
    plan.kind === 'remove' ||
    plan.changes.some((change) => change.action !== 'none')
  );
}

/**
 * The command that makes a plan of this kind again, and changes nothing.
 * @param at the commit that it is to be of, where that is not what the command takes by itself
 */
export function planAgain(
  { kind, module, source_sha: sha }: Pick<Plan, 'kind' | 'module' | 'source_sha'>,
  at?: string,
): string {
  if (kind === 'rollback')
    return `platformctl rollback ${module} --to ${at ?? sha.slice(0, 7)} --out ${module}.plan.json`;
  return `platformctl plan ${module}${kind === 'remove' ? ' --remove' : ''}${at === undefined ? '' : ` --sha ${at}`}`;
}
