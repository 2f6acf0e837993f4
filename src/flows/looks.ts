import type { Verdict } from '../compose/model.js';
import type { readSkeleton } from '../compose/skeleton.js';
import type { ComposeGroup, FirstRound, Questions } from '../execute/observe.js';
import type { ExitCode } from '../exits.js';
import type { Relation } from '../gate/facts.js';
import type { ServiceModule } from '../manifest/model.js';
import type { Plan, Status } from '../manifest/types.js';
import type { PlannedFile, WantedFiles } from '../plan/files.js';
import type { Interrupted } from '../plan/interrupted.js';
import type { Observation } from '../plan/observation.js';
import { shortRun } from '../run-id.js';
import type { Prepared } from './prepare.js';
import type { Failure, PlannedModule, Undeclared } from './results.js';
import type { DeclaredAt } from './wanted.js';

export interface PlanContext {
  /** The locks are ours: what is held is held by this run. */
  readonly holding?: boolean;
  readonly version: string;
  readonly createdAt: string;
  readonly sourceSha: string;
  /** Module ids whose files differ from HEAD. */
  readonly dirty: (prepared: Prepared, files: readonly PlannedFile[]) => boolean;
  readonly policyOf: (one: { readonly module: Pick<ServiceModule, 'id' | 'host'> }) => Plan['policy'];
  /** The commit has a file at this path of the repo. */
  readonly inCommit: (path: string) => boolean;
  /** How the source commit stands to the one that was applied last. */
  readonly relation: (lastApplied: string | null) => Promise<Relation>;
  readonly declaredAt: DeclaredAt;
  /** Bytes of files of the commit. */
  readonly read: (paths: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>;
  /** B-2: the plan goes back to the kept release of its commit that has this image. */
  readonly rollback?: { readonly imageId: string | null };
  /** Ids of every module that the commit declares, with host, project and service where known. */
  readonly declared: ReadonlyMap<
    string,
    Pick<ServiceModule, 'host' | 'service' | 'dependsOn' | 'composeFile' | 'project'>
  >;
}

/** A plan with what apply needs beside it. */
export interface Looked extends PlannedModule {
  readonly observation: Observation;
  readonly dotenv: WantedFiles['dotenv'];
  /** Named volumes of the service. */
  readonly volumes: readonly string[];
  /** A run before that never recorded its end. */
  readonly interrupted: Interrupted | null;
  /** G-7 over the text of the commit, and over what the host's compose resolved; null where nothing is started. */
  readonly verdicts: { readonly text: Verdict | null; readonly resolved: Verdict | null };
  /** Bytes of the plan's files of the commit, by path beneath remote_root. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

export interface HostLook {
  readonly looked: readonly Looked[];
  readonly errors: readonly Failure[];
  readonly undeclared: readonly Undeclared[];
  readonly first: FirstRound | null;
}

/** What the last applies of all modules of a host brought there, from their status documents. */
export interface Delivered {
  readonly digests: ReadonlyMap<string, ReadonlySet<string>>;
  readonly byOthers: (module: string) => ReadonlySet<string>;
}

export interface Halfway {
  readonly prepared: Prepared;
  readonly group: ComposeGroup;
  readonly wanted: WantedFiles;
  readonly skeleton: ReturnType<typeof readSkeleton>;
  readonly status: Status | null;
  readonly files: readonly PlannedFile[];
  readonly bytes: ReadonlyMap<string, Uint8Array>;
  readonly hashNow: string;
  readonly questions: Questions;
  readonly verdict: Verdict;
  readonly exceptions: Verdict['exceptions'];
  readonly warnings: readonly string[];
}

/** A failure of one module. */
export const fail = (
  module: string,
  code: string,
  exitCode: ExitCode,
  summary: string,
  hint: string | null,
  why: string | null = null,
  where: Failure['where'] = null,
): Failure => ({
  module,
  code,
  summary,
  where,
  why,
  hint,
  exitCode,
});

/** What was applied last, for people. */
export function appliedBefore(status: Status | null): PlannedModule['lastApplied'] {
  if (!status?.last_apply_sha || !status.applied_at) return null;
  const { last_apply_sha: sha, applied_at: at, approved_by: by, image } = status;
  return { sha, at, by, image: image?.reference ?? null };
}

/** A run before that never recorded its end, in a plan's warnings. */
export const interruptedWords = ({ runId, outcome, why }: Interrupted): string =>
  `run ${shortRun(runId)} never recorded its end; judged ${outcome}: ${why}`;
