/** `explain-approval` (G-4): what apply would say of a plan's approvals, without applying. */
import { EXIT_APPROVAL_MISMATCH, EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { type ApprovalRow, judgeApproval } from '../gate/approval.js';
import { notNamed } from '../gate/destructive.js';
import type { GateFailure } from '../gate/verdict.js';
import type { World } from '../ports.js';
import { parseStatus } from '../state/status.js';
import { gatherApproval, lastApplyOf, releaseApprovers } from './approvals.js';
import { loadPlan } from './plan-files.js';
import { resolvePolicy } from './policy.js';
import { readPlatform } from './read-platform.js';
import { mirrorPath } from './record-here.js';
import { planReferences } from './references.js';
import { declarations } from './wanted.js';

const MIRROR_MAX = 16 * 1024 * 1024;

export interface ExplainResult {
  readonly module: string;
  readonly digest: string;
  /** 0 where the plan changes nothing. */
  readonly required: number;
  readonly counted: number;
  readonly approvals: readonly ApprovalRow[];
  readonly approved: boolean;
  readonly selfApproved: boolean;
  /** What is missing, where it is not approved. */
  readonly failures: readonly GateFailure[];
  /** Authors were looked for since this commit; null: in all of the history. It is the mirror's; apply asks the host. */
  readonly authorsSince: string | null;
  readonly exitCode: ExitCode;
}

export interface ExplainOptions {
  /** `--approval FILE`, each. */
  readonly approvalFiles: readonly string[];
  readonly policyRef?: string;
}

/** One plan, or those of a stack's modules in dependency order. @throws PlatformError what explainApproval throws */
export async function explainApprovals(
  world: World,
  reference: string,
  options: ExplainOptions,
): Promise<ExplainResult[]> {
  const git = await world.openGit(world.directory);
  const results: ExplainResult[] = [];
  for (const one of await planReferences(world, git, [reference]))
    results.push(await explainApproval(world, one, options));
  return results;
}

/** @throws PlatformError what loadPlan, resolvePolicy and gatherApproval throw */
export async function explainApproval(
  world: World,
  reference: string,
  options: ExplainOptions,
): Promise<ExplainResult> {
  const git = await world.openGit(world.directory);
  const { plan, file } = await loadPlan(world, git.root, reference);
  const named = options.policyRef === undefined ? {} : { policyRef: options.policyRef };
  const policy = await resolvePolicy(world, git, { asking: false, ...named }, readPlatform);
  const path = mirrorPath(git.root, plan.module);
  const mirror = await world.files.read(path, MIRROR_MAX);
  const status = mirror === null ? null : parseStatus(mirror, { file: path });
  const declaredAt = declarations(world, git);
  const lastApply = await lastApplyOf(status, (sha) => declaredAt(sha, plan.module));
  const facts = await gatherApproval(world, git, {
    plan,
    manifestPath: (await declaredAt(plan.source_sha, plan.module))?.manifestPath ?? null,
    planFile: file,
    approvalFiles: options.approvalFiles,
    policy,
    lastApply,
    self: 'no terminal',
    ...(plan.kind === 'rollback' ? { release: releaseApprovers(plan, status) } : {}),
  });
  const judged = judgeApproval(plan, policy.platform, facts, 'under lock');
  const failures = [...judged.failures, ...notNamed(plan, policy.platform, plan.destructive, judged)];
  const approved = judged.state === 'approved' && failures.length === 0;
  return {
    module: plan.module,
    digest: plan.digest,
    required: judged.needed ? judged.required : 0,
    counted: judged.counted,
    approvals: judged.approvals,
    approved,
    selfApproved: judged.selfApproved,
    failures,
    authorsSince: lastApply.sha,
    exitCode: approved ? EXIT_NO_CHANGES : (failures[0]?.exitCode ?? EXIT_APPROVAL_MISMATCH),
  };
}
