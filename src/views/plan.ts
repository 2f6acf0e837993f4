/** `plan` for people and as JSON. */
import type { Failure, PlannedModule, PlanResult } from '../flows/results.js';
import type { Plan } from '../manifest/types.js';
import { columns, digestText, paint, type Style, safe, shaText, timeText, withExit } from './style.js';

/** The reasons of a plan's service in one line. */
export function reasonsText(plan: Plan): string {
  const service = plan.changes.find((change) => change.target.startsWith('compose.service.'));
  return (service?.reasons ?? []).map(safe).join('; ');
}

export function actionOf(plan: Plan): string {
  return plan.changes.find((change) => change.target.startsWith('compose.service.'))?.action ?? 'none';
}

function row(one: PlannedModule): string[] {
  const { plan } = one;
  const action = actionOf(plan);
  const moved =
    one.lastApplied?.image && one.lastApplied.image !== plan.image.reference
      ? `image ${safe(one.lastApplied.image)} -> ${safe(plan.image.reference)}; `
      : '';
  const what =
    action === 'none'
      ? [one.protected ? 'protected' : '', one.job ? 'job' : ''].filter(Boolean).join(', ')
      : `${moved}${reasonsText(plan)}`;
  return [`  ${action}`, plan.module, what, plan.recreates ? 'recreates' : ''];
}

/** One heading a host and state of application, as the modules of a stack share both. */
function heading(result: PlanResult, host: string, members: readonly PlannedModule[], style: Style): string {
  const only = members.length === 1 ? `${members[0]?.plan.module} on ${host}` : host;
  const where = result.branch === null ? 'detached' : result.branch;
  const dirty = members.some((one) => one.plan.source_dirty)
    ? 'DIRTY: cannot be applied'
    : result.offline
      ? 'offline'
      : 'clean';
  const last = members.length === 1 ? members[0]?.lastApplied : null;
  const applied = last
    ? `   last applied ${shaText(last.sha, style)}, ${timeText(last.at, style)} by ${last.by.map(safe).join(', ') || 'nobody'}`
    : '';
  return `${paint(style).bold(only)}   commit ${shaText(result.sourceSha, style)} (${safe(where)}, ${dirty})${applied}`;
}

export function failureLines(failures: readonly Failure[], style: Style): string[] {
  return failures.flatMap((failure) => {
    const place = whereText(failure.where);
    const lines = [
      `  ${paint(style).red(failure.code)}  ${failure.module === null ? '' : `${failure.module}: `}${safe(failure.summary)}`,
    ];
    if (place) lines.push(`      at ${place}`);
    if (failure.why) lines.push(`      why ${safe(failure.why)}`);
    if (failure.hint)
      lines.push(
        ...failure.hint
          .split('\n')
          .map((line, index) => (index === 0 ? `      hint: ${safe(line)}` : `        ${safe(line)}`)),
      );
    return lines;
  });
}

export function whereText(where: Failure['where']): string {
  if (!where) return '';
  const file = where.file
    ? [safe(where.file), where.line, where.column].filter((part) => part !== undefined).join(':')
    : '';
  const host = where.host ? `${safe(where.host)}${where.step ? `, step ${where.step}` : ''}` : '';
  return [file, host].filter(Boolean).join(' on ');
}

export function planText(result: PlanResult, style: Style): string {
  const lines: string[] = [];
  const hosts = [...new Set(result.planned.map((one) => one.plan.host))];
  for (const host of hosts) {
    const members = result.planned.filter((one) => one.plan.host === host);
    lines.push(heading(result, host, members, style), '', ...columns(members.map(row)), '');
    const undeclared = result.undeclared.filter((one) => one.host === host);
    if (undeclared.length > 0)
      lines.push(
        `  undeclared on ${host}: ${undeclared.map((one) => `${safe(one.service)} (${safe(one.state)})`).join(', ')}`,
      );
    for (const one of members) lines.push(...notes(one, style));
    const exceptions = members.flatMap((one) =>
      one.plan.exceptions.map(
        (entry) =>
          `${entry.rule}${entry.value === null ? '' : ` ${safe(entry.value)}`} for ${one.plan.module} (${safe(entry.reason)})`,
      ),
    );
    const destructive = members.flatMap((one) =>
      one.plan.destructive.map((entry) => `${one.plan.module}: ${safe(entry)}`),
    );
    lines.push(
      `  policy exceptions in use: ${exceptions.join('; ') || 'none'}        destructive: ${destructive.join('; ') || 'no'}`,
      '',
    );
  }
  for (const warning of result.warnings) lines.push(`warning: ${safe(warning)}`);
  if (result.errors.length > 0)
    lines.push(`${paint(style).red('cannot be planned')}:`, '', ...failureLines(result.errors, style), '');
  for (const file of result.written) lines.push(`wrote ${safe(file)}`);
  const changed = result.planned.filter((one) => one.plan.exitCode === 1);
  const unchanged = result.planned.length - changed.length;
  const parts = [`${changed.length} to change`, `${unchanged} unchanged`];
  if (result.errors.length > 0) parts.push(`${new Set(result.errors.map((error) => error.module)).size} failed`);
  if (result.leftOut > 0) parts.push(`${result.leftOut} left out (not changed since)`);
  const plans =
    changed.length === 0
      ? ''
      : ` ${changed.length === 1 ? 'Plan' : 'Plans'}: ${changed.map((one) => `${one.plan.module} ${digestText(one.plan.digest, style)}`).join(', ')}`;
  lines.push(`${parts.join(', ')}.${plans}`);
  if (result.offline) lines.push('offline: no host was asked, so these plans can never be applied');
  else if (changed.length > 0) lines.push(`next: ${next(changed)}`);
  return withExit(lines, result.exitCode);
}

function next(changed: readonly PlannedModule[]): string {
  if (changed.some((one) => one.plan.source_dirty)) return 'commit, then plan again';
  return `platformctl approve ${changed.map((one) => one.plan.module).join(' ')}`;
}

function notes(one: PlannedModule, style: Style): string[] {
  const { plan } = one;
  const lines: string[] = [];
  if (style.full) {
    for (const change of plan.changes)
      if (change.target.startsWith('file.'))
        lines.push(`  ${change.action}  ${safe(change.target.slice(5))}  ${change.reasons.map(safe).join('; ')}`);
  }
  if (plan.exitCode === 1) {
    for (const other of plan.also_affected) lines.push(`  also affected: ${safe(other.service)} (${safe(other.why)})`);
    if (!plan.smoke.healthcheck && plan.smoke.exits === null && plan.smoke.stable_seconds < 30)
      lines.push(`  ${plan.module} has no healthcheck and counts as good after ${plan.smoke.stable_seconds} s`);
    if (plan.project_source !== 'manifest')
      lines.push(`  ${plan.module}: project ${plan.project} (from the ${plan.project_source})`);
  }
  for (const warning of plan.warnings) lines.push(`  warning: ${plan.module}: ${safe(warning)}`);
  return lines;
}

const failureJson = ({ module, code, summary, where, why, hint, exitCode }: Failure): object => ({
  module,
  code,
  summary,
  where,
  why,
  hint,
  exitCode,
});

/** schemas/plan-output.schema.json */
export function planJson(result: PlanResult): object {
  return {
    schema_version: '1.0',
    exitCode: result.exitCode,
    plans: result.planned.map((one) => one.plan),
    undeclared: result.undeclared.map(({ host, project, service, module, state }) => ({
      host,
      project,
      service,
      module,
      state,
    })),
    errors: result.errors.map(failureJson),
    warnings: [...result.warnings],
    left_out: result.leftOut,
    written: [...result.written],
  };
}
