import { PlatformError } from '../errors.js';
import { EXIT_NO_CHANGES, EXIT_TOOL_ERROR, type ExitCode, worstExit } from '../exits.js';
import { type ExplainResult, explainApprovals } from '../flows/explain-approval.js';
import type { World } from '../ports.js';
import { safe } from '../views/style.js';
import { type Globals, printJson, wantsJson } from './output.js';

export interface ExplainFlags extends Globals {
  readonly approval?: readonly string[];
  readonly policyRef?: string;
  readonly full?: boolean;
}

/** `platformctl explain-approval PLAN|ID|STACK [--approval FILE]...` */
export async function run(world: World, args: string[], flags: ExplainFlags): Promise<ExitCode> {
  const [reference, ...more] = args;
  if (reference === undefined || more.length > 0) {
    throw new PlatformError({
      code: 'PCTL-USAGE',
      exit: EXIT_TOOL_ERROR,
      summary: 'explain-approval takes one plan, or one stack',
      hint: 'platformctl explain-approval ID, or a plan file',
    });
  }
  const results = await explainApprovals(world, reference, {
    approvalFiles: flags.approval ?? [],
    ...(flags.policyRef === undefined ? {} : { policyRef: flags.policyRef }),
  });
  const [only, ...others] = results;
  if (wantsJson(flags))
    printJson(world, flags, only && others.length === 0 ? explainJson(only) : explainAllJson(results));
  else world.terminal.out(results.map((result) => explainText(result, flags.full === true)).join('\n'));
  return worstExit(results.map(({ exitCode }) => exitCode));
}

/** schemas/explain-approval.schema.json, for the modules of a stack. */
export function explainAllJson(results: readonly ExplainResult[]): object {
  const plans = results.map((result) => ({ module: result.module, ...approvalsOf(result) }));
  return { schema_version: '1.0', exitCode: worstExit(results.map(({ exitCode }) => exitCode)), plans };
}

/** schemas/explain-approval.schema.json */
export function explainJson(result: ExplainResult): object {
  return { schema_version: '1.0', exitCode: result.exitCode, ...approvalsOf(result) };
}

function approvalsOf({ digest, required, counted, approvals }: ExplainResult): object {
  const rows = approvals.map(({ file, principal, key, counts, why }) => ({ file, principal, key, counts, why }));
  return { digest, required, counted, approvals: rows };
}

/** Every approval with why it counts or not, then what is missing, then the next thing to do. */
export function explainText(result: ExplainResult, full: boolean): string {
  const digest = full ? result.digest : result.digest.slice(0, 12);
  const verdict =
    result.required === 0
      ? 'needs no approval'
      : result.approved
        ? result.selfApproved
          ? 'self-approved'
          : 'approved'
        : 'not approved';
  const lines = [`${result.module}, plan ${digest}: ${verdict} (${result.counted} of ${result.required})`, ''];
  for (const row of result.approvals)
    lines.push(
      `  ${row.counts ? 'counts    ' : 'does not  '}  ${row.code ?? ''}${row.code ? '  ' : ''}${safe(row.why)}`,
    );
  if (result.approvals.length === 0) lines.push('  no signature was found');
  const missing = result.failures.filter((failure) => !result.approvals.some((row) => row.why === failure.why));
  for (const failure of missing) lines.push(`  ${failure.code}  ${safe(failure.why)}`);
  const since =
    result.authorsSince === null
      ? 'ever: no apply is known here'
      : `since ${result.authorsSince.slice(0, 7)}, applied last as far as this checkout knows`;
  lines.push('', `authors are those of the manifest and the files of the plan, ${since}`);
  const hint = missing.at(-1)?.hint ?? null;
  if (hint !== null) lines.push(`hint: ${safe(hint)}`);
  if (result.exitCode !== EXIT_NO_CHANGES) lines[lines.length - 1] = `${lines.at(-1)}   (exit ${result.exitCode})`;
  return `${lines.join('\n')}\n`;
}
