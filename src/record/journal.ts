/** A run's journal as values: what finish.sh wrote, line by line, and what its end says. Pure. */
import {
  EXIT_APPLIED,
  EXIT_APPLIED_UNRECORDED,
  EXIT_REMOTE_FAILED,
  EXIT_ROLLBACK_FAILED,
  EXIT_ROLLED_BACK,
  type ExitCode,
} from '../exits.js';
import type { Status } from '../manifest/types.js';

export interface JournalLine {
  readonly step: string;
  readonly state: string;
  readonly exit: number;
  /** Seconds since the host started. */
  readonly at: number;
  /** `-` where there is none. */
  readonly detail: string;
}

export interface JournalEnd {
  readonly outcome: Status['outcome'];
  readonly exit: ExitCode;
  /** The reason word of the host. */
  readonly why: string;
}

const LINE = /^([a-z]+) ([a-z_]+) ([0-9]{1,3}) ([0-9]{1,12}) (\S+)$/;

export function readJournalLine(line: string): JournalLine | null {
  const match = LINE.exec(line);
  if (!match) return null;
  const [, step = '', state = '', exit, at, detail = ''] = match;
  return { step, state, exit: Number(exit), at: Number(at), detail };
}

/** Whole lines only: a last one without a newline is a write that was cut off, and what it says may be half a word. */
export function readJournal(text: string): JournalLine[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole.split('\n').flatMap((line) => readJournalLine(line) ?? []);
}

/** Outcomes of runs that ended before `go`; whatever their exit, nothing was changed. */
const BEFORE_GO: readonly Status['outcome'][] = ['refused', 'stale', 'remote_failed'];

/** The exits that a run ends with after `go`, each with the outcomes that it can mean. */
const ENDS: Readonly<Record<number, readonly Status['outcome'][]>> = {
  [EXIT_REMOTE_FAILED]: ['remote_failed'],
  [EXIT_APPLIED]: ['applied', 'removed'],
  [EXIT_ROLLED_BACK]: ['rolled_back'],
  [EXIT_ROLLBACK_FAILED]: ['rollback_failed'],
  [EXIT_APPLIED_UNRECORDED]: ['applied_unrecorded'],
};

/** How the run ended by its own words; null while it goes on, or where it never came to its end. One that ended before `go` has this one line. A word and an exit that do not belong together are no end. */
export function journalEnd(journal: readonly JournalLine[]): JournalEnd | null {
  const last = journal.findLast((line) => line.step === 'end');
  const [first] = journal;
  const possible = first === last ? BEFORE_GO : ENDS[last?.exit ?? -1];
  const outcome = possible?.find((one) => one === last?.state);
  return last && outcome ? { outcome, exit: last.exit as ExitCode, why: last.detail } : null;
}

/** Seconds from the first line to the last; null where it has no two lines, or the host was restarted in between. */
export function journalSeconds(journal: readonly JournalLine[]): number | null {
  const [first] = journal;
  const last = journal.at(-1);
  if (!first || !last || first === last) return null;
  return last.at >= first.at ? last.at - first.at : null;
}
