/** Runs as their host tells of them (talk.sh `runs`, `logs`): every word is checked, for it comes from outside. Pure. */
import type { Status } from '../manifest/types.js';
import { afterCut } from '../secret/controls.js';
import { journalEnd, journalSeconds, readJournalLine } from './journal.js';

export interface Run {
  readonly id: string;
  readonly host: string;
  readonly module: string | null;
  /** null: it never came to `go`. */
  readonly kind: Status['kind'] | null;
  readonly who: string | null;
  /** YYYY-MM-DDTHH:MM:SSZ, by the clock of whoever started it. */
  readonly startedAt: string | null;
  readonly sourceSha: string | null;
  readonly digest: string | null;
  readonly ciUrl: string | null;
  /** `applying`: it goes on. `unknown`: it came past `go` and never told its end. `interrupted`: it ended before `go`, and changed nothing. */
  readonly outcome: Status['outcome'];
  /** The host's reason word; null where it told no end. */
  readonly why: string | null;
  /** null: it did not end, or nobody can tell. */
  readonly seconds: number | null;
}

const RUN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LINES = 5;

/** The text of an answer to `runs`. `going`: ids of runs that hold a lock. */
export function readRuns(text: string, host: string, going: ReadonlySet<string>): Run[] {
  const lines = text.split('\n');
  const runs: Run[] = [];
  for (let at = 0; at + LINES <= lines.length; at += LINES) {
    const [head = '', first = '', last = '', holder = '', what = ''] = lines.slice(at, at + LINES);
    const [id = '', module = ''] = head.split(' ');
    if (RUN_ID.test(id))
      runs.push(readRun(id, module, [first, last], members(holder), members(`{${what}}`), host, going));
  }
  return runs;
}

function readRun(
  id: string,
  module: string,
  ends: readonly string[],
  holder: Readonly<Record<string, unknown>>,
  what: Readonly<Record<string, unknown>>,
  host: string,
  going: ReadonlySet<string>,
): Run {
  // Of a journal of one line the first is the last.
  const journal = [...new Set(ends)].flatMap((line) => readJournalLine(line) ?? []);
  const end = journalEnd(journal);
  const open = journal.length > 0 ? 'unknown' : 'interrupted';
  const kind = what.event;
  return {
    id,
    host,
    module: /^[A-Za-z0-9_-]{1,63}$/.test(module) && module !== '-' ? module : null,
    kind: kind === 'apply' || kind === 'rollback' || kind === 'remove' ? kind : null,
    who: text(holder.who, /^[^\0\n]{1,100}$/),
    startedAt: text(holder.since, /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/),
    sourceSha: text(holder.source_sha, /^[0-9a-f]{40}$/),
    digest: text(what.digest, /^[0-9a-f]{64}$/),
    ciUrl: text(holder.ci_url, /^https?:\/\/[^\0\n]{1,500}$/),
    outcome: end?.outcome ?? (going.has(id) ? 'applying' : open),
    why: end?.why ?? null,
    seconds: end ? journalSeconds(journal) : null,
  };
}

/** Newest first, whatever host they are of: ids begin with their time. */
export const byTime = (runs: readonly Run[]): Run[] => [...runs].sort((a, b) => (a.id < b.id ? 1 : -1));

export interface Output {
  /** `up.err`, `container.log` ... */
  readonly name: string;
  /** Bytes on the host; `bytes` is the end of them, from a line's beginning on. */
  readonly size: number;
  readonly bytes: Uint8Array;
}

/** In the order in which a run writes them; what is not named here comes last, by name. */
const ORDER = ['pull', 'up', 'container', 'halt', 'restore', 'back', 'record', 'finish'];
const ENDINGS = ['.out', '.err', '.log'];

function place(name: string): string {
  const [ending, base] = [name.slice(-4), name.slice(0, -4)];
  const at = ORDER.indexOf(base);
  return `${at < 0 ? ORDER.length : at} ${base} ${ENDINGS.indexOf(ending)}`;
}

/** Bytes of a container's log that a run keeps, the end of it (back.sh). */
const LOG_KEPT = 64 * 1024;

/** An answer to `logs`; null where it has another form. */
export function readOutputs(answer: Uint8Array): Output[] | null {
  const outputs: Output[] = [];
  for (let at = 0; at < answer.length; ) {
    const end = answer.indexOf(10, at);
    const head = new TextDecoder().decode(answer.subarray(at, end < 0 ? at : end));
    const match = /^([a-z][a-z0-9_-]{0,60}\.[a-z]{3}) ([0-9]{1,15}) ([0-9]{1,9})$/.exec(head);
    if (!match) return null;
    const [name = '', size, length] = [match[1], Number(match[2]), Number(match[3])];
    at = end + 1 + length;
    if (at > answer.length) return null;
    const bytes = answer.subarray(end + 1, at);
    const cut = size > length || (name === 'container.log' && size >= LOG_KEPT);
    outputs.push({ name, size, bytes: cut ? afterCut(bytes) : bytes });
  }
  return outputs.sort((a, b) => (place(a.name) < place(b.name) ? -1 : 1));
}

function members(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const text = (value: unknown, form: RegExp): string | null =>
  typeof value === 'string' && form.test(value) ? value : null;
