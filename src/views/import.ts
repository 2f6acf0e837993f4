/** `import`: what was written, what each service will be, and what to do next. */
import type { ImportResult, ImportRow } from '../flows/import.js';
import { quote } from '../quote.js';
import { columns, count, hintLines, labelled, paint, type Style, safe } from './style.js';

const VERDICT: Readonly<Record<ImportRow['verdict'], string>> = {
  adoptable: 'adoptable as is',
  exception: 'needs an exception',
  cannot: 'cannot',
  declared: 'in the repo already',
};

/** Of a declared service the reason says who has it. */
const verdictText = ({ verdict, why }: ImportRow): string =>
  verdict === 'declared' && why !== null ? safe(why) : VERDICT[verdict];

export function importText(result: ImportResult, style: Style): string {
  const { host, rows, files, allow, warnings } = result;
  const lines: string[] = [];
  if (files.length > 0) lines.push(...columns(files.map(({ path, state }) => [state, safe(path)])), '');
  if (rows.length > 0)
    lines.push(
      ...columns([
        ['PROJECT', 'SERVICE', 'MODULE', 'VERDICT'],
        ...rows.map((row) => [safe(row.project), safe(row.service), row.module ?? '-', verdictText(row)]),
      ]),
      '',
    );
  for (const [reason, members] of bySameReason(rows)) {
    lines.push(
      `${paint(style).yellow('cannot')}  ${members.map((row) => safe(`${row.project}/${row.service}`)).join(', ')}`,
    );
    lines.push(...labelled('why', reason.why), ...hintLines(reason.fix, 'fix').map((line) => `  ${line}`), '');
  }
  if (allow.length > 0)
    lines.push(
      'to allow, in policy.compose.allow of .platform/config.yaml, each with its reason:',
      ...allow.map((line) => safe(line)),
      '',
    );
  if (warnings.length > 0) lines.push(...warnings.map((warning) => `warning: ${safe(warning)}`), '');
  const of = (verdict: ImportRow['verdict']): number => rows.filter((row) => row.verdict === verdict).length;
  const known = of('declared') > 0 ? `, ${of('declared')} in the repo already` : '';
  lines.push(
    `${count(rows.length, 'service')} on ${host}: ${of('adoptable')} adoptable as is, ${of('exception')} with an exception, ${of('cannot')} cannot${known}`,
  );
  if (files.some(({ state }) => state === 'written'))
    lines.push('', 'next:', ...nextSteps(result).map((line) => `  ${line}`));
  return `${lines.join('\n')}\n`;
}

/** Services that stand before the same obstacle, each obstacle once. */
function bySameReason(rows: readonly ImportRow[]): [{ why: string; fix: string | null }, ImportRow[]][] {
  const groups = new Map<string, [{ why: string; fix: string | null }, ImportRow[]]>();
  for (const row of rows) {
    if (row.verdict !== 'cannot') continue;
    const { why, fix } = row;
    const key = `${why}\n${fix}`;
    const group = groups.get(key) ?? [{ why: why ?? 'not known', fix }, []];
    group[1].push(row);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function nextSteps({ files, allow }: ImportResult): string[] {
  const folders = [...new Set(files.map(({ path }) => topOf(path)))].sort();
  return [
    `git add -- ${folders.map((folder) => safe(quote(folder))).join(' ')} && git diff --cached   # a compose file or a config may hold a password, so look before you commit`,
    ...(allow.length > 0
      ? ['paste the exceptions into .platform/config.yaml   # they count once they are on the protected branch']
      : []),
    'git commit -m "What runs already" && git push',
    'platformctl plan   # adopt: nothing is touched',
  ];
}

const topOf = (path: string): string => path.slice(0, path.indexOf('/') < 0 ? undefined : path.indexOf('/'));

/** schemas/import.schema.json */
export function importJson({ host, rows, files, allow, warnings }: ImportResult): object {
  return {
    schema_version: '1.0',
    exitCode: 0,
    host,
    services: rows.map(({ project, service, module, verdict, exceptions, why, fix }) => ({
      project,
      service,
      module,
      verdict,
      exceptions: exceptions.map(({ rule, value }) => ({ rule, value })),
      why,
      fix,
    })),
    files: files.map(({ path, state }) => ({ path, state })),
    allow: [...allow],
    warnings: [...warnings],
  };
}
