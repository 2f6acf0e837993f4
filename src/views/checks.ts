import type { ExitCode } from '../exits.js';
import type { Check } from '../flows/results.js';
import { columns, count, paint, type Style, safe, withExit } from './style.js';

export function checksText(checks: readonly Check[], style: Style, exitCode: ExitCode): string {
  const colour = paint(style);
  const lines: string[] = [];
  for (const host of new Set(checks.map((check) => check.host))) {
    const members = checks.filter((check) => check.host === host);
    lines.push(colour.bold(host ?? 'this machine'));
    const rows = columns(members.map((check) => [`  ${check.ok ? 'ok  ' : 'FAIL'}`, check.id, safe(check.detail)]));
    members.forEach((check, index) => {
      lines.push(rows[index] ?? '');
      if (!check.ok && check.fix !== null)
        lines.push(...check.fix.split('\n').map((line) => `        fix: ${safe(line)}`));
    });
    lines.push('');
  }
  const bad = checks.filter((check) => !check.ok).length;
  lines.push(
    bad === 0 ? `${count(checks.length, 'check')}, all good` : `${count(checks.length, 'check')}, ${bad} failed`,
  );
  return withExit(lines, exitCode);
}

/** schemas/checks-output.schema.json */
export function checksJson(checks: readonly Check[], exitCode: ExitCode): object {
  return {
    schema_version: '1.0',
    exitCode,
    checks: checks.map(({ id, host, ok, detail, fix }) => ({ id, host, ok, detail, fix })),
  };
}
