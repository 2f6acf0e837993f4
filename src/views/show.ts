/** One plan as a whole, for whoever approves it (P-10). */
import type { Plan } from '../manifest/types.js';
import { actionOf, reasonsOf } from './changes.js';
import { columns, digestText, paint, type Style, safe, shaText } from './style.js';

/** What a plan is about, one fact a line; shared with the Markdown form. */
export function facts(plan: Plan, style: Style): [string, string][] {
  const smoke =
    plan.smoke.exits === null
      ? `healthy for ${plan.smoke.stable_seconds} s within ${plan.smoke.timeout_seconds} s${plan.smoke.http ? `, ${safe(plan.smoke.http.url)} answers ${plan.smoke.http.status}` : ''}`
      : `ends with ${plan.smoke.exits} within ${plan.smoke.timeout_seconds} s`;
  return [
    ['plan', digestText(plan.digest, style)],
    [
      'commit',
      `${shaText(plan.source_sha, style)}${plan.source_dirty ? '  FROM A DIRTY TREE: can never be applied' : ''}${plan.offline ? '  OFFLINE: can never be applied' : ''}`,
    ],
    ['host', `${safe(plan.host)}, ${safe(plan.remote_root)}`],
    [
      'service',
      `${safe(plan.service)} of ${safe(plan.compose_file)}, project ${plan.project} (from the ${plan.project_source})`,
    ],
    [
      'image',
      `${safe(plan.image.reference)}${plan.image.id ? ` ${plan.image.id.slice(7, 19)}` : ' (not on the host yet)'}`,
    ],
    ['now', plan.observed ? plan.observed.condition : 'not observed'],
    ['change', changeText(plan, style)],
    ['recreates', plan.recreates ? 'yes' : 'no'],
    ['destructive', plan.destructive.length === 0 ? 'no' : plan.destructive.map(safe).join('; ')],
    ['smoke', smoke],
    ['policy', `${safe(plan.policy.ref)} at ${shaText(plan.policy.sha, style)}`],
  ];
}

function changeText(plan: Plan, style: Style): string {
  const reasons = reasonsOf({ plan, lastApplied: null }, style);
  return `${actionOf(plan)}${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`;
}

export const resolvedLines = (plan: Plan): string[] =>
  Object.entries(plan.resolved as Record<string, unknown>).map(
    ([key, value]) => `${safe(key)}: ${safe(JSON.stringify(value))}`,
  );

export function showText(plan: Plan, style: Style): string {
  const lines = [
    `${paint(style).bold(`${plan.module} on ${safe(plan.host)}`)}   ${plan.kind}`,
    '',
    ...columns(facts(plan, style).map(([name, value]) => [`  ${name}`, value])),
  ];
  const files = plan.changes.filter((change) => change.target.startsWith('file.'));
  if (files.length > 0)
    lines.push(
      '',
      '  files',
      ...columns(
        files.map((change) => [
          `    ${change.action}`,
          safe(change.target.slice(5)),
          change.reasons.map(safe).join('; '),
        ]),
      ),
    );
  const host = plan.files.filter((file) => file.source === 'host');
  if (host.length > 0) lines.push('', `  host files, never written: ${host.map((file) => safe(file.path)).join(', ')}`);
  if (plan.also_affected.length > 0)
    lines.push('', '  also affected', ...plan.also_affected.map((one) => `    ${safe(one.service)}: ${safe(one.why)}`));
  if (plan.exceptions.length > 0)
    lines.push(
      '',
      '  policy exceptions in use',
      ...plan.exceptions.map(
        (one) => `    ${one.rule}${one.value === null ? '' : ` ${safe(one.value)}`}: ${safe(one.reason)}`,
      ),
    );
  const resolved = resolvedLines(plan);
  if (resolved.length > 0) lines.push('', '  as compose resolves it', ...resolved.map((line) => `    ${line}`));
  for (const warning of plan.warnings) lines.push('', `  warning: ${safe(warning)}`);
  return `${lines.join('\n')}\n`;
}
