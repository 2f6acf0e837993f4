import type { ExitCode } from '../exits.js';
import type { AuditCheck } from '../flows/audit.js';
import { count, paint, type Style, safe, withExit } from './style.js';

const chainName = (result: AuditCheck): string =>
  result.host === null ? 'the chain of this checkout' : `the chain of ${result.host}`;

export function auditText(result: AuditCheck, style: Style): string {
  if (result.problems.length === 0)
    return `${chainName(result)}: ${count(result.lines, 'line')}, each follows from the one before\n`;
  const lines = [`${paint(style).red('damaged')}: ${chainName(result)}, ${count(result.lines, 'line')}`, ''];
  for (const problem of result.problems)
    lines.push(`  line ${problem.line}  ${problem.code}  ${safe(problem.summary)}`);
  lines.push(
    '',
    'hint: somebody or something changed the chain; compare with a backup, and with the checkouts of others',
    ...(result.problems.some(({ code }) => code === 'PCTL-AUDIT-CUT' || code === 'PCTL-AUDIT-HEAD')
      ? [
          `      what was seen here stands in .platform/state/heads/${result.host === null ? 'checkout' : `host.${result.host}`}.json; after a host that was made anew on purpose, remove it`,
        ]
      : []),
  );
  return withExit(lines, 2);
}

/** schemas/audit-output.schema.json */
export function auditJson(result: AuditCheck, exitCode: ExitCode): object {
  return {
    schema_version: '1.0',
    exitCode,
    host: result.host,
    lines: result.lines,
    ok: result.problems.length === 0,
    problems: result.problems.map(({ line, code, summary }) => ({ line, code, summary })),
  };
}
