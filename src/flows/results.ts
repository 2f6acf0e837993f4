/** What the journeys return and the views draw: the same values become text and the `--json` documents (C-1). */
import type { Where } from '../errors.js';
import type { ExitCode } from '../exits.js';
import type { GateFailure, GateVerdict } from '../gate/verdict.js';
import type { Plan, Status } from '../manifest/types.js';
import type { Runs } from '../plan/observation.js';
import type { StepEvent } from '../ports.js';
import type { JournalLine } from '../record/journal.js';
import type { Output, Run } from '../record/runs.js';

export type { GateFailure, GateVerdict, JournalLine, Output, Run };

export interface Undeclared {
  readonly host: string;
  readonly project: string;
  readonly service: string;
  /** The module whose status lies on the host, null for a container alone. */
  readonly module: string | null;
  /** The container's condition, `absent` where only a status is there. */
  readonly state: string;
}

export interface Failure {
  /** null: the whole command. */
  readonly module: string | null;
  readonly code: string;
  readonly summary: string;
  readonly where: Where | null;
  readonly why: string | null;
  readonly hint: string | null;
  readonly exitCode: ExitCode;
  /** Of the compose policy: the exception that would allow it. */
  readonly exception?: { readonly rule: string; readonly value: string | null };
}

/** A plan with what a person wants to know beside it; `lastApplied` comes from the host's status. */
export interface PlannedModule {
  readonly plan: Plan;
  readonly protected: boolean;
  readonly job: boolean;
  /** The plan's reasons, less what the other plans of this call make good (G-8). */
  readonly destructive?: readonly string[];
  readonly lastApplied: {
    readonly sha: string;
    readonly at: string;
    readonly by: readonly string[];
    readonly image: string | null;
  } | null;
}

export interface PlanResult {
  readonly sourceSha: string;
  readonly branch: string | null;
  readonly dirty: boolean;
  readonly offline: boolean;
  readonly planned: readonly PlannedModule[];
  /** The commit's stacks with their modules: where all of one were planned, its name stands for them. */
  readonly stacks?: ReadonlyMap<string, readonly string[]>;
  readonly undeclared: readonly Undeclared[];
  readonly errors: readonly Failure[];
  /** Modules that `--changed-since` left out. */
  readonly leftOut: number;
  readonly warnings: readonly string[];
  /** What config.yaml at the policy ref asks for; names the next command. */
  readonly approvalModes?: readonly ('signature' | 'forge' | 'self')[];
  /** Files that were written. */
  readonly written: readonly string[];
  readonly exitCode: ExitCode;
}

export type Outcome = Status['outcome'];

export interface ApplyResult {
  readonly module: string;
  readonly host: string;
  readonly composeService: string;
  readonly outcome: Outcome;
  /** One line: why. */
  readonly message: string;
  readonly runId: string | null;
  readonly changed: boolean;
  readonly digest: string;
  readonly sourceSha: string;
  /** The mirror's path in the checkout, null where none was written. */
  readonly stateArtifact: string | null;
  readonly remote: {
    readonly command: string;
    readonly returncode: number | null;
    readonly stdout: string;
    readonly stderr: string;
  } | null;
  readonly error: Failure | null;
  /** What platformctl did not expect, for `--debug`. */
  readonly thrown?: unknown;
  readonly gates: readonly GateVerdict[];
  /** The container's last lines where verify failed (V-3), raw: the edge redacts. */
  readonly log: readonly string[];
  readonly notes: readonly string[];
  /** Seconds, whole. */
  readonly durationSeconds: number;
  /** What runs after a roll back: null where nothing ran before. */
  readonly back: {
    readonly sha: string | null;
    readonly image: string | null;
    readonly downSeconds: number | null;
  } | null;
  readonly selfApproved: boolean;
  readonly approvedBy: readonly string[];
  readonly hint: string | null;
  readonly exitCode: ExitCode;
}

export interface StatusRow {
  readonly module: string;
  readonly host: string;
  /** The host was read, or only the mirror is there. */
  readonly source: 'host' | 'mirror';
  /** YYYY-MM-DDTHH:MM:SSZ of the mirror's writing, null for the host. */
  readonly mirrorOf: string | null;
  /** What runs now; null where the host was not read. */
  readonly condition: string | null;
  /** null where the host was not read, or nothing was applied. */
  readonly runs: Runs | null;
  readonly hasHealthcheck: boolean;
  readonly exceptions: number;
  /** null: never applied. */
  readonly status: Status | null;
  /** what an interrupted run was judged to be. */
  readonly interrupted: {
    readonly runId: string;
    readonly outcome: 'applied' | 'removed' | 'rolled_back' | 'unknown' | 'applying';
    readonly why: string;
  } | null;
  readonly error: Failure | null;
}

export interface StatusResult {
  readonly rows: readonly StatusRow[];
  readonly undeclared: readonly Undeclared[];
  /** Hosts that have no module here and could not be asked. */
  readonly errors: readonly Failure[];
  readonly exitCode: ExitCode;
}

export interface RunsResult {
  /** Newest first; `why` in words. */
  readonly runs: readonly Run[];
  /** There are older ones. */
  readonly more: boolean;
  /** Hosts that could not be asked. */
  readonly errors: readonly Failure[];
  readonly exitCode: ExitCode;
}

export interface RunLogs {
  /** `why` in words. */
  readonly run: Run;
  readonly journal: readonly JournalLine[];
  /** The journal as people read it; `at`: seconds since its first line. */
  readonly steps: readonly (Pick<StepEvent, 'step' | 'state' | 'detail'> & { readonly at: number })[];
  /** Raw, as the run left them on its host (O-1). */
  readonly outputs: readonly Output[];
  /** Hosts that might have another run of this name. */
  readonly notAsked: readonly Failure[];
}

/** A module against what was last applied (P-11). */
export interface DriftRow {
  readonly module: string;
  readonly host: string;
  /** null: never applied, or not known (`error`). */
  readonly drifted: boolean | null;
  readonly pending: boolean;
  readonly changes: readonly Plan['changes'][number][];
  readonly error: Failure | null;
}

export interface DriftResult {
  readonly rows: readonly DriftRow[];
  readonly exitCode: ExitCode;
}

export interface LockRow {
  readonly host: string;
  readonly name: string;
  readonly state: 'held' | 'finishing';
  readonly runId: string | null;
  readonly who: string | null;
  readonly since: string | null;
  readonly sourceSha: string | null;
  readonly ciUrl: string | null;
}

export interface LocksResult {
  readonly locks: readonly LockRow[];
  /** How many hosts were asked with success. */
  readonly answered: number;
  /** Hosts that could not be asked. */
  readonly errors: readonly Failure[];
  readonly exitCode: ExitCode;
}

export interface Check {
  readonly id: string;
  readonly host: string | null;
  readonly ok: boolean;
  readonly detail: string;
  /** The command or the change that mends it. */
  readonly fix: string | null;
}
