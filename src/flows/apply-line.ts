/** The line to one host, for all plans of a call: one connection, opened when it is needed and again when it was lost. */
import { converse } from '../execute/converse.js';
import type { Exchange } from '../execute/protocol.js';
import { EXIT_REMOTE_FAILED } from '../exits.js';
import type { Platform } from '../manifest/model.js';
import type { Conversation, Host, World } from '../ports.js';
import { hostAddress } from './addresses.js';
import { failureOf } from './prepare.js';

export interface Talk {
  readonly host: Host;
  readonly conversation: Conversation;
  readonly exchange: Exchange;
}

export interface Line {
  /** A conversation of its own, over the connection of the plans before where it still lives. A host that could not be reached is not tried again. */
  talk(root: string): Promise<Talk>;
  /** The same after the connection was lost: tries for RECONNECT_MS, and tells the seconds after each try that failed (C-3). */
  talkAgain(root: string, waiting: (seconds: number) => void): Promise<Talk>;
  /** Ends the connection: the next conversation opens another one. */
  drop(): Promise<void>;
  /** Whether one was ended under a plan: its conversation may hold its locks until the host gives it up. */
  readonly lost: boolean;
}

const LIMIT = { ms: 30_000, step: 'connect' };
const RECONNECT_MS = 90_000;
const PAUSE_MS = 2_000;

export function lineTo(world: World, platform: Platform, name: string): Line {
  let connecting: Promise<Host> | null = null;
  let connected: Host | null = null;
  let lost = false;
  const open = async (root: string): Promise<Talk> => {
    connecting ??= world.connect(hostAddress(platform, name));
    connected = await connecting;
    return { host: connected, ...(await converse(connected, root, LIMIT)) };
  };
  const drop = async (): Promise<void> => {
    if (connected === null) {
      // Nobody waits for one that is still on its way. What was refused stays, for all plans that come after.
      connecting?.then((host) => host.close()).catch(() => undefined);
      return;
    }
    const old = connected;
    connecting = connected = null;
    lost = true;
    await old.close().catch(() => undefined);
  };
  return {
    async talk(root) {
      const kept = connecting !== null;
      try {
        return await open(root);
      } catch (error) {
        // It died with the plan before, or while that of another host was waited for. After an interruption nothing is begun any more.
        const died = kept && failureOf(error, null).code === 'PCTL-HOST-LOST';
        if (!died || world.interrupted.aborted) throw error;
        await drop();
        return await open(root);
      }
    },
    async talkAgain(root, waiting) {
      const began = world.clock.now();
      for (;;) {
        await drop();
        connecting = null;
        try {
          return await open(root);
        } catch (error) {
          if (failureOf(error, null).exitCode !== EXIT_REMOTE_FAILED || world.clock.now() - began >= RECONNECT_MS)
            throw error;
        }
        waiting(Math.round((world.clock.now() - began) / 1000));
        await world.clock.sleep(PAUSE_MS);
      }
    },
    drop,
    get lost() {
      return lost;
    },
  };
}
