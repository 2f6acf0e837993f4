/**
 * git as the leader of a process group of its own: a terminal's Ctrl-C is not for it, and what it starts, as ssh and git-remote-https, ends with it,
 * at the latest when this process does.
 */
import type { ChildProcess } from 'node:child_process';

const KILL_AFTER_MS = 1_000;
/** Groups that run now. */
const groups = new Set<number>();
let listening = false;

/** A child that was started with `detached: true`. */
type Leader = Pick<ChildProcess, 'pid' | 'stdout' | 'stderr' | 'once' | 'unref'>;

export interface Group {
  /** Its deadline came first. */
  late(): boolean;
  /** TERM to all of it, KILL to what is left after a second. */
  stop(): void;
  /** Resolves once KILL was sent, after which nobody waits for it any more. */
  readonly killed: Promise<null>;
}

/** Keeps a group for as long as it runs, at most `ms`. To be called as soon as its leader was started. */
export function keepGroup(leader: Leader, ms: number): Group {
  const { pid } = leader;
  // It could not be started.
  if (pid === undefined) return { late: () => false, stop() {}, killed: new Promise(() => {}) };
  let late = false;
  let kill: NodeJS.Timeout | undefined;
  let killed = (_: null): void => {};
  const stop = (): void => {
    if (kill) return;
    clearTimeout(deadline);
    signal(pid, 'SIGTERM');
    // Nobody reads on.
    leader.stdout?.destroy();
    kill = setTimeout(() => {
      signal(pid, 'SIGKILL');
      groups.delete(pid);
      // Whoever left the group may hold the pipe open, and one that the kernel keeps may not end at all.
      leader.stderr?.destroy();
      leader.unref();
      killed(null);
    }, KILL_AFTER_MS);
  };
  const deadline = setTimeout(() => {
    late = true;
    stop();
  }, ms);
  leader.once('close', () => {
    clearTimeout(deadline);
    // What it was told to take along may take longer: KILL still goes to that.
    if (kill && signal(pid, 0)) return;
    clearTimeout(kill);
    groups.delete(pid);
  });
  groups.add(pid);
  listen();
  return {
    late: () => late,
    stop,
    killed: new Promise((resolve) => {
      killed = resolve;
    }),
  };
}

/** false: nothing of the group is left. 0 only asks. */
function signal(group: number, name: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    return process.kill(-group, name);
  } catch {
    return false;
  }
}

function listen(): void {
  if (listening) return;
  listening = true;
  process.once('exit', endAll);
  // The terminal was closed: its signal came to this process alone, which ends by it as it would without a listener.
  process.once('SIGHUP', () => {
    endAll();
    process.kill(process.pid, 'SIGHUP');
  });
}

function endAll(): void {
  for (const group of groups) signal(group, 'SIGTERM');
}
