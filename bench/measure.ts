/** Times processes: subject and baseline take turns, so that both meet the same machine; medians are compared, not the best of either. */
import { finish, type RunOptions } from '../test/lab/process.js';

export interface Row {
  readonly what: string;
  readonly baseline: string;
  /** Seconds, medians. */
  readonly subjectSeconds: number;
  readonly baselineSeconds: number;
  readonly runs: number;
  readonly note?: string;
}

/** Runs something once; the seconds that count. */
export type Timed = (round: number) => Promise<number>;

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Default: 0. */
  readonly exit?: number;
  readonly options?: RunOptions;
}

/** A command from start to end. @throws Error where it ends otherwise than expected: a failure is no measurement */
export async function time({ program, args, exit = 0, options = {} }: Command): Promise<number> {
  return timed(async () => {
    const finished = await finish(program, args, options);
    if (finished.exit !== exit) {
      throw new Error(`${program} ${args.join(' ')} exited ${finished.exit}:\n${finished.stdout}${finished.stderr}`);
    }
  });
}

/** How long an action takes, in seconds. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint();
  await action();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The first round warms the caches of the disk and is not counted. */
export async function compare(
  row: Pick<Row, 'what' | 'baseline' | 'note'>,
  runs: number,
  subject: Timed,
  baseline: Timed,
): Promise<Row> {
  const seconds = { subject: [] as number[], baseline: [] as number[] };
  for (let round = 0; round <= runs; round++) {
    const [one, other] = [await subject(round), await baseline(round)];
    if (round === 0) continue;
    seconds.subject.push(one);
    seconds.baseline.push(other);
  }
  return { ...row, runs, subjectSeconds: median(seconds.subject), baselineSeconds: median(seconds.baseline) };
}
