/** Following a run after `go`: its journal as events, its end as an outcome. */
import { PlatformError } from '../errors.js';
import {
  EXIT_APPLIED,
  EXIT_APPLIED_UNRECORDED,
  EXIT_REMOTE_FAILED,
  EXIT_ROLLBACK_FAILED,
  EXIT_ROLLED_BACK,
  EXIT_UNKNOWN,
  type ExitCode,
} from '../exits.js';
import type { Status } from '../manifest/types.js';
import type { Clock, Limit, StepEvent } from '../ports.js';
import { type JournalLine, journalEnd, readJournal } from '../record/journal.js';
import { whyWords } from '../verify/words.js';
import { type Answer, decode, type Exchange, message } from './protocol.js';

export interface RunEnd {
  readonly outcome: Status['outcome'];
  readonly exit: ExitCode;
  /** The reason word of the host. */
  readonly why: string;
  readonly journal: readonly JournalLine[];
}

const POLL_MS = 500;

/** What an exit of finish.sh means where the journal does not say it: a disk that is full does not take its last line. */
const ENDS: Readonly<Record<number, Status['outcome']>> = {
  [EXIT_APPLIED]: 'applied',
  [EXIT_ROLLED_BACK]: 'rolled_back',
  [EXIT_ROLLBACK_FAILED]: 'rollback_failed',
  [EXIT_APPLIED_UNRECORDED]: 'applied_unrecorded',
  [EXIT_REMOTE_FAILED]: 'remote_failed',
};

/** What finish.sh's exit and journal say. Anything else than its own codes is a supervisor that did not end by itself: unknown, never success. */
function endOf(code: number, journal: readonly JournalLine[]): RunEnd {
  const said = journalEnd(journal);
  if (said?.exit === code) return { ...said, journal };
  const outcome = ENDS[code];
  const why = journal.findLast((line) => line.step === 'verify' && line.exit !== 0)?.detail ?? 'none';
  if (outcome) return { outcome, exit: code as ExitCode, why, journal };
  return { outcome: 'unknown', exit: EXIT_UNKNOWN, why: `supervisor_ended_${code}`, journal };
}

/** A line of the journal as an event, null where it is nothing for people. */
export function eventOf(line: JournalLine, module: string, time: string): StepEvent | null {
  const event = (step: StepEvent['step'], state: StepEvent['state'], detail: string): StepEvent => ({
    time,
    module,
    step,
    state,
    detail,
  });
  switch (`${line.step} ${line.state}`) {
    case 'files ended':
      return event('files', 'done', line.detail === '0' ? 'nothing to swap' : `${line.detail} swapped, previous kept`);
    case 'up started':
      return event('up', 'started', 'docker compose up');
    case 'up ended':
      return line.exit === 0
        ? event('up', 'done', 'compose returned 0')
        : event('up', 'failed', whyWords(`compose_${line.exit}`));
    case 'stop started':
      return event('up', 'started', 'docker stop');
    case 'stop ended':
      return line.exit === 0 ? null : event('up', 'failed', whyWords(`remove_${line.exit}`));
    case 'rm ended':
      return line.exit === 0
        ? event('up', 'done', 'container removed')
        : event('up', 'failed', whyWords(`remove_${line.exit}`));
    case 'verify waiting':
      return event('verify', 'waiting', line.detail.replace(/:none/, '').replaceAll(':', ', ').replace(/, $/, ''));
    case 'verify ended':
      return line.exit === 0
        ? event('verify', 'done', "healthy; image and files are the plan's")
        : event('verify', 'failed', whyWords(line.detail));
    case 'verify again':
      return event('verify', 'done', 'what was there before runs again');
    case 'back started':
      return event(
        'back',
        'started',
        line.detail === '-' || line.detail === 'none'
          ? 'putting back what was there'
          : `putting back what was there: ${whyWords(line.detail)}`,
      );
    case 'back waiting':
      return event('back', 'waiting', whyWords(line.detail));
    case 'restore ended':
      return event(
        'back',
        line.exit === 0 ? 'done' : 'failed',
        line.exit === 0 ? 'compose returned 0' : whyWords(`compose_${line.exit}`),
      );
    case 'record ended':
      return event('record', 'done', 'recorded on the host');
    case 'record failed':
    case 'intent failed':
      return event('record', 'failed', 'the host could not write its record');
    default:
      return null;
  }
}

/** Whoever follows: `waiting` comes every 10 s without a line (C-3), with the last step and the seconds since. */
export interface Watch {
  readonly line: (line: JournalLine) => void;
  readonly waiting: (last: JournalLine | undefined, seconds: number) => void;
  readonly polled: () => void;
  /** The line was lost: another conversation, or a PlatformError where there is none to be had. */
  readonly lost: () => Promise<Exchange>;
}

export interface Followed {
  /** null: it was lost already. */
  readonly exchange: Exchange | null;
  readonly runId: string;
  readonly module: string;
  /** Longer than everything that the run may take. */
  readonly totalMs: number;
}

const SILENCE_MS = 10_000;
const LETTING_GO_MS = 10_000;
/** talk.sh's exit where the run has ended, and the run's own on top. */
const ENDED = 100;

/** The step that a person knows under a line's name. */
export function stepOf(line: JournalLine | undefined): StepEvent['step'] {
  if (line?.step === 'restore') return 'back';
  if (line?.step === 'stop' || line?.step === 'rm') return 'up';
  return line?.step === 'up' || line?.step === 'verify' || line?.step === 'back' || line?.step === 'files'
    ? line.step
    : 'go';
}

/**
 * Polls until the run ended. A lost connection changes nothing on the host: it is opened again and the journal read on; `lost` where that fails, or where the
 * run takes longer than all of its limits.
 */
export async function followRun(
  { exchange: first, runId, module, totalMs }: Followed,
  clock: Clock,
  watch: Watch,
): Promise<RunEnd | { readonly lost: PlatformError }> {
  const started = clock.now();
  let exchange = first;
  let seen = new Uint8Array();
  let told = 0;
  let lineAt = started;
  let saidAt = started;
  let endedAt: number | null = null;
  for (;;) {
    const late = clock.now() - started > totalMs;
    let answer: Answer;
    try {
      exchange ??= await watch.lost();
      const limit: Limit = { ms: 45_000, step: 'follow' };
      [answer] = (await exchange([message('follow', runId, module, String(seen.length))], limit)) as [Answer];
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      if (exchange === null) return { lost: error };
      exchange = null;
      if (late) return { lost: runLong() };
      continue;
    }
    const newline = answer.out.indexOf(10);
    const [state, code] = decode(answer.out.subarray(0, Math.max(newline, 0))).split(' ');
    seen = Buffer.concat([seen, answer.out.subarray(newline + 1)]);
    const journal = readJournal(decode(seen));
    for (; told < journal.length; told += 1) {
      watch.line(journal[told] as JournalLine);
      lineAt = saidAt = clock.now();
    }
    watch.polled();
    if (clock.now() - saidAt >= SILENCE_MS) {
      saidAt = clock.now();
      watch.waiting(journal.at(-1), Math.round((saidAt - lineAt) / 1000));
    }
    if (state === 'ended') return endOf(Number(code), journal);
    if (answer.code >= ENDED) return endOf(answer.code - ENDED, journal);
    const end = journalEnd(journal);
    // Its last line is written before it lets go of its locks: whoever wants them next must not find them held.
    if (end && state === 'running') endedAt ??= clock.now();
    if (end && (endedAt === null || clock.now() - endedAt > LETTING_GO_MS)) return { ...end, journal };
    if (state === 'gone') return await withoutEnd(exchange, runId, module, journal);
    if (late) return { lost: runLong() };
    await clock.sleep(POLL_MS);
  }
}

const runLong = (): PlatformError =>
  new PlatformError({
    code: 'PCTL-RUN-LONG',
    exit: EXIT_UNKNOWN,
    summary: 'the run on the host takes longer than all its limits together',
    hint: 'platformctl status',
  });

/** Nobody holds the run's locks any more and its journal has no end: it never began, and nothing was changed (7); or its supervisor died (15, R-3). */
async function withoutEnd(
  exchange: Exchange,
  runId: string,
  module: string,
  journal: readonly JournalLine[],
): Promise<RunEnd> {
  const limit = { ms: 60_000, step: 'record' };
  const [status] = await exchange([message('get', `state/modules/${module}.status.json`)], limit).catch(() => []);
  const unread = status?.code !== 0;
  const began = journal.some((line) => line.step !== 'start') || unread || decode(status.out).includes(runId);
  return began
    ? { outcome: 'unknown', exit: EXIT_UNKNOWN, why: 'supervisor_ended', journal }
    : { outcome: 'remote_failed', exit: EXIT_REMOTE_FAILED, why: 'never_started', journal };
}
