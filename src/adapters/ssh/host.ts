/** Programs over one SSH connection. */
import type { Client, ClientChannel } from 'ssh2';
import { PlatformError } from '../../errors.js';
import { EXIT_REMOTE_FAILED } from '../../exits.js';
import type { Host, HostDescription, Limit, Program } from '../../ports.js';
import { talkOver } from '../conversation.js';
import { DUPLEX_BOUNDS, type Duplex, type DuplexBounds, type End, lost, runOver, silent, within } from '../duplex.js';
import { commandLine } from './command.js';
import type { Session } from './session.js';
import { createSlots } from './slots.js';

/** sshd's MaxSessions is 10 by default and counts channels that it has not torn down yet. */
const MAX_CHANNELS = 8;
/** How long a server may refuse a channel while it has none of ours, and the most between two tries. */
const REFUSES_MS = 1500;
const AGAIN_MS = 400;
const KILL_AFTER_MS = 10_000;

export interface SshHostOptions {
  readonly bounds?: DuplexBounds;
  readonly killAfterMs?: number;
}

/** @param closeAll ends the connection and those of the jump hosts beneath it */
export function createSshHost(
  { client, closed: connectionLost }: Pick<Session, 'client' | 'closed'>,
  description: HostDescription,
  name: string,
  closeAll: () => Promise<void>,
  options: SshHostOptions = {},
): Host {
  const bounds = options.bounds ?? DUPLEX_BOUNDS;
  const slots = createSlots(MAX_CHANNELS);
  const held = { bytes: 0 };
  /** The ends of the programs that have a channel. */
  const running = new Set<Promise<End>>();
  /** Programs that got TERM and have not ended: KILL, now. */
  const stopped = new Set<() => void>();
  let gone = false;
  void connectionLost.then(() => {
    gone = true;
  });

  /** Opens a channel and starts the program on it, within the limit; `leftMs` is what remains of it. */
  async function start(program: Program, limit: Limit): Promise<{ duplex: Duplex; leftMs: number }> {
    const command = commandLine(program);
    const since = performance.now();
    const leaving = new AbortController();
    let refused = false;
    const opening = (async (): Promise<Duplex> => {
      const free = await slots.take(leaving.signal);
      try {
        const duplex = await openAgain(command, limit.step, leaving.signal, () => {
          refused = true;
        });
        running.add(duplex.closed);
        void duplex.closed.then(() => {
          running.delete(duplex.closed);
          free();
        });
        if (leaving.signal.aborted) duplex.stop();
        return duplex;
      } catch (error) {
        free();
        throw error;
      }
    })();
    const duplex = await within(opening, limit.ms, () => {
      const late = refused ? noChannel(name, limit.step) : silent(name, limit);
      leaving.abort(late);
      return late;
    });
    return { duplex, leftMs: limit.ms - (performance.now() - since) };
  }

  /**
   * A refused channel is asked for again, nothing was started then: its MaxSessions may be below ours, so that another one has to end first, and sshd counts one
   * that was just closed until its next round.
   */
  async function openAgain(
    command: string,
    step: string,
    leaving: AbortSignal,
    onRefused: () => void,
  ): Promise<Duplex> {
    let aloneMs = 0;
    for (let waitMs = 25; ; waitMs = Math.min(2 * waitMs, AGAIN_MS)) {
      const duplex = await open(command, step);
      if (duplex !== 'refused') return duplex;
      onRefused();
      aloneMs = running.size > 0 ? 0 : aloneMs + waitMs;
      if (aloneMs > REFUSES_MS || leaving.aborted) throw noChannel(name, step);
      await Promise.race([new Promise((resolve) => setTimeout(resolve, waitMs)), ...running]);
    }
  }

  function open(command: string, step: string): Promise<Duplex | 'refused'> {
    const opened = new Promise<Duplex | 'refused'>((resolve, reject) => {
      // The server's words about a refused channel are not shown (O-6).
      const refuse = (why: string): void => reject(lost(name, step, why));
      if (gone) return refuse('the connection is closed');
      try {
        client.exec(command, (error, channel) => {
          // A channel that was not opened has a reason code; a program that was not started has none.
          if (typeof (error as { reason?: unknown } | undefined)?.reason === 'number') resolve('refused');
          else if (error) refuse('the server refused to start a program');
          // Listened to here and now: the exit status may be in the very packet that brought this answer.
          else resolve(overChannel(client, channel, connectionLost, options.killAfterMs ?? KILL_AFTER_MS, stopped));
        });
      } catch {
        refuse('the connection is closed');
      }
    });
    const broken = connectionLost.then((): never => {
      throw lost(name, step, 'the connection closed before the program was started');
    });
    broken.catch(() => {});
    return Promise.race([opened, broken]);
  }

  return {
    name,
    async run(program, input, limit) {
      const { duplex, leftMs } = await start(program, limit);
      return runOver(duplex, name, input, limit, bounds, { leftMs, held });
    },
    async talk(program, limit) {
      const { duplex } = await start(program, limit);
      return talkOver(duplex, name, bounds);
    },
    describe: () => description,
    async close() {
      for (const kill of stopped) kill();
      await closeAll();
    },
  };
}

/** PCTL-HOST-CHANNELS (7): the connection stands, but the server opens no more channels on it. */
function noChannel(host: string, step: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-HOST-CHANNELS',
    exit: EXIT_REMOTE_FAILED,
    summary: `${host}: the server opened no channel for ${step}`,
    where: { host, step },
    hint: `raise MaxSessions in its sshd_config: up to ${MAX_CHANNELS} are used at once, sshd's default is 10`,
  });
}

function overChannel(
  client: Client,
  channel: ClientChannel,
  connectionLost: Promise<void>,
  killAfterMs: number,
  stopped: Set<() => void>,
): Duplex {
  let exited: () => void = () => {};
  let told = false;
  let code: number | null = null;
  let stopping = false;
  channel.once('exit', (status: number | null) => {
    told = true;
    code = status;
    exited();
  });
  const closed = new Promise<End>((resolve) => {
    // `close` comes after the last byte of stdout was taken.
    channel.once('close', () => resolve({ code, lost: !told }));
    void connectionLost.then(() => resolve({ code: null, lost: true }));
  });
  channel.stderr.on('error', () => {});

  const signal = (name: 'TERM' | 'KILL'): void => {
    // Channel.signal() of ssh2 1.17 says nothing once our side of the channel is at its end, which is when it is needed; the protocol allows it then.
    const { _protocol: protocol } = client as unknown as { _protocol?: { signal?(id: number, name: string): void } };
    const { outgoing } = channel as unknown as { outgoing?: { id: number; state: string } };
    if (outgoing && (outgoing.state === 'open' || outgoing.state === 'eof')) protocol?.signal?.(outgoing.id, name);
  };

  const kill = (): void => {
    signal('KILL');
    channel.close();
  };
  return {
    input: channel,
    output: channel,
    errors: channel.stderr,
    exited: new Promise((resolve) => {
      exited = resolve;
      if (told) resolve();
    }),
    closed,
    stop() {
      if (stopping) return;
      stopping = true;
      channel.resume();
      channel.stderr.resume();
      signal('TERM');
      const timer = setTimeout(kill, killAfterMs);
      timer.unref();
      stopped.add(kill);
      void closed.then(() => {
        clearTimeout(timer);
        stopped.delete(kill);
      });
    },
  };
}
