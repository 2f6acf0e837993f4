/** `plan`: what would change, module by module, and what to do about it. */
import type { PlannedModule, PlanResult, Undeclared } from '../flows/results.js';
import type { Plan } from '../manifest/types.js';
import { type Action, actionOf, effectOf, reasonsOf } from './changes.js';
import { failureJson, failureLines } from './failures.js';
import { columns, count, digestText, paint, person, type Style, safe, shaText, timeText, withExit } from './style.js';

/** Longer reasons push what stands behind them out of the column, not the column out of sight. */
const REASONS_WIDTH = 70;
const ORDER: readonly Action[] = ['create', 'adopt', 'update', 'start', 'remove', 'none'];

export function planText(result: PlanResult, style: Style): string {
  const lines: string[] = [];
  const hosts = [...new Set(result.planned.map((one) => one.plan.host))].sort();
  for (const host of hosts) lines.push(...hostLines(result, host, style), '');
  const elsewhere = undeclaredLines(result.undeclared.filter((one) => !hosts.includes(one.host)));
  if (elsewhere.length > 0) lines.push(...elsewhere, '');
  if (result.errors.length > 0)
    lines.push(`${paint(style).red('cannot be planned')}:`, '', ...failureLines(result.errors, style), '');
  if (result.warnings.length > 0) lines.push(...result.warnings.map((warning) => `warning: ${safe(warning)}`), '');
  return withExit([...lines, ...summary(result, style)], result.exitCode);
}

/** A host's modules beneath one heading: what they are, from which commit, what was there last. */
function hostLines(result: PlanResult, host: string, style: Style): string[] {
  const planned = result.planned.filter((one) => one.plan.host === host);
  const [only] = planned.length === 1 ? planned : [];
  const ids = planned.map((one) => one.plan.module);
  const stack = [...(result.stacks ?? [])].find(([, members]) => sameSet(members, ids))?.[0];
  const subject = safe(stack ?? only?.plan.module ?? '') || count(planned.length, 'module');
  const branch = result.branch === null ? 'detached' : safe(result.branch);
  const back = planned.every(({ plan }) => plan.kind === 'rollback');
  const commit = back
    ? `rollback to ${shaText(result.sourceSha, style)}`
    : `commit ${shaText(result.sourceSha, style)} (${branch}, ${result.dirty ? 'DIRTY' : 'clean'})`;
  const heading = [`${paint(style).bold(subject)} on ${safe(host)}`, commit];
  if (!result.offline) heading.push(lastApplied(planned, style));
  const lines = [heading.join('   '), '', ...moduleRows(planned, style)];
  for (const one of planned)
    lines.push(
      ...notes(one, style).map((note) => `  ${planned.length > 1 ? `${safe(one.plan.module)}: ` : ''}${note}`),
    );
  lines.push('', ...undeclaredLines(result.undeclared.filter((one) => one.host === host)).map((line) => `  ${line}`));
  const exceptions = planned.flatMap(({ plan }) =>
    plan.exceptions.map(
      ({ rule, value, reason }) => `${plan.module} ${rule}${value === null ? '' : ` ${value}`} (${reason})`,
    ),
  );
  const destructive = planned.flatMap(({ plan, destructive: reasons = plan.destructive }) =>
    reasons.map((why) => `${plan.module}: ${why}`),
  );
  lines.push(
    `  policy exceptions in use: ${exceptions.length === 0 ? 'none' : safe(exceptions.join('; '))}        destructive: ${destructive.length === 0 ? 'no' : safe(destructive.join('; '))}`,
  );
  return lines;
}

function lastApplied(planned: readonly PlannedModule[], style: Style): string {
  const last = planned.flatMap((one) => one.lastApplied ?? []).sort((a, b) => (a.at < b.at ? 1 : -1))[0];
  if (!last) return 'never applied';
  const by = last.by.map((who) => person(who, style)).join(', ') || 'nobody';
  return `last applied ${shaText(last.sha, style)}, ${timeText(last.at, style)} by ${by}`;
}

function moduleRows(planned: readonly PlannedModule[], style: Style): string[] {
  const sorted = [...planned].sort((a, b) => ORDER.indexOf(actionOf(a.plan)) - ORDER.indexOf(actionOf(b.plan)));
  const rows = sorted.map((one) => {
    const kinds = [...(one.protected ? ['protected'] : []), ...(one.job ? ['job'] : [])];
    const reasons = actionOf(one.plan) === 'none' ? kinds : [...reasonsOf(one, style), ...kinds];
    return {
      action: actionOf(one.plan),
      module: safe(one.plan.module),
      reasons: reasons.join('; '),
      effect: effectOf(one),
    };
  });
  const width = Math.max(0, ...rows.map((row) => row.reasons.length).filter((length) => length <= REASONS_WIDTH));
  const heads = columns(rows.map((row) => [`  ${row.action.padEnd(6)}`, row.module, '|'])).map((line) =>
    line.slice(0, -1),
  );
  return rows.map((row, index) => {
    const head = (heads[index] ?? '').replace(row.action, coloured(row.action, style));
    return `${head}${row.effect === '' ? row.reasons : `${row.reasons.padEnd(width)}   ${row.effect}`}`.trimEnd();
  });
}

function coloured(action: Action, style: Style): string {
  const colour = paint(style);
  if (action === 'create' || action === 'adopt') return colour.green(action);
  if (action === 'remove') return colour.red(action);
  return action === 'none' ? colour.dim(action) : colour.yellow(action);
}

/** What a person should know of a plan beside its changes. */
function notes({ plan }: PlannedModule, style: Style): string[] {
  const lines: string[] = [];
  if (style.full) {
    for (const { target, action, reasons } of plan.changes)
      if (target.startsWith('file.')) lines.push(`${action} ${safe(target.slice(5))}: ${safe(reasons.join('; '))}`);
  }
  if (plan.exitCode === 1) {
    for (const { service, why } of plan.also_affected) lines.push(`also affected: ${safe(service)} (${safe(why)})`);
    if (!plan.smoke.healthcheck && plan.smoke.exits === null && plan.smoke.stable_seconds < 30)
      lines.push(`no healthcheck: it counts as good after ${plan.smoke.stable_seconds} s`);
    if (plan.project_source !== 'manifest')
      lines.push(`project ${safe(plan.project)} (from the ${plan.project_source})`);
  }
  for (const warning of plan.warnings) lines.push(`warning: ${safe(warning)}`);
  return lines;
}

/** `undeclared on rs2000: old-grafana (running)`, a line a host. */
function undeclaredLines(undeclared: readonly Undeclared[]): string[] {
  return [...new Set(undeclared.map((one) => one.host))].sort().map((host) => {
    const names = undeclared
      .filter((one) => one.host === host)
      .map((one) => `${one.module ?? one.service} (${one.state})`);
    return `undeclared on ${safe(host)}: ${safe(names.join(', '))}`;
  });
}

function summary(result: PlanResult, style: Style): string[] {
  const changing = result.planned.filter((one) => one.plan.exitCode === 1).map((one) => one.plan);
  const parts = [`${changing.length} to change`, `${result.planned.length - changing.length} unchanged`];
  if (result.errors.length > 0) parts.push(`${new Set(result.errors.map((error) => error.module)).size} failed`);
  if (result.leftOut > 0) parts.push(`${result.leftOut} left out (not changed since)`);
  const plans = changing.map((plan) => `${safe(plan.module)} ${digestText(plan.digest, style)}`);
  const named = plans.length === 0 ? '' : ` ${plans.length === 1 ? 'Plan' : 'Plans'}: ${plans.join(', ')}`;
  const lines = [...result.written.map((file) => `wrote ${safe(file)}`), `${parts.join(', ')}.${named}`];
  if (result.offline) lines.push('offline: no host was asked, so these plans can never be applied');
  else if (changing.length > 0) lines.push(`next: ${next(result, changing)}`);
  return lines;
}

function next(result: PlanResult, changing: readonly Plan[]): string {
  if (result.planned.some((one) => one.plan.source_dirty))
    return 'commit, then plan again: a plan of a dirty tree is never applied';
  // The approval of a release counts again (B-2).
  const asBefore = result.planned.every(({ plan }) => plan.kind === 'rollback' && plan.destructive.length === 0);
  if (asBefore) return `PLATFORMCTL_PHASE=06 platformctl apply ${safe(result.written[0] ?? changing[0]?.module ?? '')}`;
  const alone = result.approvalModes?.every((mode) => mode === 'self') ?? false;
  return `platformctl ${alone ? 'apply' : 'approve'} ${named(result, changing).map(safe).join(' ')}`;
}

/** The names that stand for plans with changes: a stack's where all of its modules were planned. */
function named({ stacks, planned }: PlanResult, changing: readonly Plan[]): string[] {
  const ids = new Set(planned.map((one) => one.plan.module));
  const whole = [...(stacks ?? [])].filter(([, members]) => members.every((id) => ids.has(id)));
  const nameOf = (id: string): string => whole.find(([, members]) => members.includes(id))?.[0] ?? id;
  return [...new Set(changing.map((plan) => nameOf(plan.module)))];
}

const sameSet = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((id) => other.includes(id));

/** schemas/plan-output.schema.json */
export function planJson(result: PlanResult): object {
  return {
    schema_version: '1.0',
    exitCode: result.exitCode,
    plans: result.planned.map((one) => one.plan),
    undeclared: result.undeclared.map(undeclaredJson),
    errors: result.errors.map(failureJson),
    warnings: [...result.warnings],
    left_out: result.leftOut,
    written: [...result.written],
  };
}

export function undeclaredJson({ host, project, service, module, state }: Undeclared): object {
  return { host, project, service, module, state };
}
