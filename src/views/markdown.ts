/**
 * A plan for a pull request. Every value stands in a code span, which nothing in it can end: no markup, no mention, no link, no image comes out of a manifest. Lists, not
 * tables: a pipe ends a table's cell even inside code.
 */
import type { Plan } from '../manifest/types.js';
import { actionOf } from './changes.js';
import { facts, resolvedLines } from './show.js';
import { digestText, type Style, safe } from './style.js';

/** A code span with a fence longer than any run of backticks inside. */
export function code(text: string): string {
  const inside = safe(text);
  const longest = Math.max(0, ...[...inside.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = '`'.repeat(longest + 1);
  const space = /^`|`$|^ .* $|^$/.test(inside) ? ' ' : '';
  return `${fence}${space}${inside}${space}${fence}`;
}

/** `show --markdown`. Digests are cut, but for the two that an approval may name. */
export function showMarkdown(plan: Plan, full = false): string {
  const style: Style = { colour: false, full, now: null, terminal: false };
  const lines = [`### ${code(plan.module)} on ${code(plan.host)}: ${actionOf(plan)}`, ''];
  for (const [name, value] of facts(plan, style)) lines.push(`- ${name}: ${code(value)}`);
  lines.push(`- change digest: ${code(digestText(plan.change_digest, style))}`);
  const list = (title: string, items: readonly string[]): void => {
    if (items.length > 0) lines.push('', `**${title}**`, '', ...items.map((item) => `- ${item}`));
  };
  const files = plan.changes.filter((change) => change.target.startsWith('file.'));
  list(
    'Files',
    files.map(({ target, action, reasons }) => `${action} ${code(target.slice(5))}: ${code(reasons.join('; '))}`),
  );
  list(
    'Policy exceptions in use',
    plan.exceptions.map(
      ({ rule, value, reason }) => `${code(value === null ? rule : `${rule} ${value}`)}: ${code(reason)}`,
    ),
  );
  list(
    'Also affected',
    plan.also_affected.map(({ service, why }) => `${code(service)}: ${code(why)}`),
  );
  list('Warnings', plan.warnings.map(code));
  const resolved = resolvedLines(plan);
  if (resolved.length > 0) {
    lines.push('', '<details><summary>As compose resolves it</summary>', '');
    lines.push(...resolved.map((line) => `- ${code(line)}`), '', '</details>');
  }
  return `${lines.join('\n')}\n`;
}
