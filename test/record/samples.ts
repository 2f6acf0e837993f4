import { createHash } from 'node:crypto';

/** A run's id: a UUIDv7 whose time counts up with `n`. */
export const runId = (n: number): string =>
  `0193a1c2-${n.toString(16).padStart(4, '0')}-7abc-8def-${createHash('sha256').update(`${n}`).digest('hex').slice(0, 12)}`;

export const SHA = '4e1f0c2b7d3a4e1f0c2b7d3a4e1f0c2b7d3a4e1f';

/** The files of a run's folder, as talk.sh and finish.sh leave them. */
export function runFiles(
  id: string,
  module: string,
  journal: string | null,
  files: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const holder = { run_id: id, who: 'alice@laptop', since: '2026-11-24T12:04:01Z', source_sha: SHA, ci_url: null };
  const what = { run_id: id, who: 'alice@laptop', module, event: 'apply', outcome: 'applied', digest: 'a'.repeat(64) };
  const all: Record<string, string> = {
    holder: `${JSON.stringify(holder)}\n`,
    locks: `project.core\nmodule.${module}\n`,
    ...(journal === null ? {} : { journal, 'go/audit.applied': JSON.stringify(what).slice(1, -1) }),
    ...files,
  };
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [`runs/${id}/${name}`, text]));
}
