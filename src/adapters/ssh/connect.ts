/** The way to a host, whatever its transport: what `Connect` of ports.ts promises. The heavy parts are imported when they are used (C-6). */
import type { Duplex as Stream } from 'node:stream';
import { PlatformError } from '../../errors.js';
import { EXIT_INVALID, EXIT_REMOTE_FAILED } from '../../exits.js';
import type { Clock, Connect, Environment, Files, Host, HostAddress, Tailnet } from '../../ports.js';
import type { Secret } from '../../secret/secret.js';
import type { SshHostOptions } from './host.js';
import { type Pins, pinsOf } from './host-key.js';
import { gatherIdentities, type Identities } from './identity.js';
import type { Session, SessionLimits, Unreached } from './session.js';

export interface ConnectDeps {
  readonly environment: Environment;
  readonly files: Files;
  readonly clock: Clock;
  readonly tailnet: Tailnet;
  /** Registers a secret with the redactor. */
  hide(secret: Secret): void;
  readonly homeDirectory: string;
  /** A line for people. */
  warn(text: string): void;
  /** Absent: the spec's. */
  readonly limits?: SessionLimits;
  readonly host?: SshHostOptions;
}

/** How long a host may take to let us go. */
const CLOSE_MS = 1000;

/** Tries to connect, with `min(30, 2^(n-1)) * (0.5 + random/2)` seconds after the n-th. */
const TRIES = 4;

/**
 * Opens hosts over ssh, tailscale and local. An authentication or host key that failed is not tried again, and neither is a try that ended at its deadline: a server
 * that accepts and stays silent ends in 15 s.
 * @throws PlatformError PCTL-GATE-HOST, PCTL-GATE-HOST-KEY, PCTL-GATE-NODE (4), PCTL-HOST-CONNECT, PCTL-HOST-SILENT, PCTL-SSH-AUTH (7), PCTL-SSH-NO-IDENTITY (2)
 */
export function createConnect(deps: ConnectDeps): Connect {
  return async (address) => {
    if (address.transport === 'local') {
      const { createLocalHost } = await import('../local/local.js');
      return createLocalHost(address.name, deps);
    }
    return connectSsh(address, deps);
  };
}

/** One connection of the way, with all that it needs: gathered once, so that another try asks no agent and reads no file again. */
interface Hop {
  readonly address: HostAddress;
  /** Where to connect to: the address, or the node's in the tailnet. */
  readonly dial: string;
  readonly pins: Pins;
  readonly identities: Identities;
}

async function connectSsh(target: HostAddress, deps: ConnectDeps): Promise<Host> {
  const way = [...target.jump, target];
  refuseCircle(target, way);
  const { SESSION_LIMITS, refuseRoot } = await import('./session.js');
  for (const address of way) refuseRoot(address);
  const hops: Hop[] = [];
  for (const address of way) {
    hops.push({
      address,
      dial: await dialOf(address, deps),
      pins: await pinsOf(address, deps.files, deps.homeDirectory),
      identities: await gatherIdentities(address, deps),
    });
  }
  const limits = deps.limits ?? SESSION_LIMITS;
  for (let number = 1; ; number++) {
    const result = await tryHops(hops, limits);
    if (!('unreached' in result)) {
      const { createSshHost } = await import('./host.js');
      const session = result.at(-1) as Session;
      const { identity, hostKey } = session;
      const { transport, user, name } = target;
      const description = { transport, address: (hops.at(-1) as Hop).dial, user, identity, hostKey };
      return createSshHost(session, description, name, () => closeAll(result), deps.host);
    }
    if (number === TRIES) throw notReached(target, result);
    await deps.clock.sleep(1000 * Math.min(30, 2 ** (number - 1)) * (0.5 + deps.clock.random() / 2));
  }
}

type Failed = Unreached & { readonly at: HostAddress };

/** One session after another, each through the one before and each with a key check of its own. */
async function tryHops(hops: readonly Hop[], limits: SessionLimits): Promise<readonly Session[] | Failed> {
  const { openSession } = await import('./session.js');
  const sessions: Session[] = [];
  try {
    for (const hop of hops) {
      const before = sessions.at(-1);
      const through = before && (await forward(before, hop, limits));
      const session = through && 'unreached' in through ? through : await openSession(hop, limits, through);
      if ('unreached' in session) {
        await closeAll(sessions);
        return { ...session, at: hop.address };
      }
      sessions.push(session);
    }
    return sessions;
  } catch (error) {
    await closeAll(sessions);
    throw error;
  }
}

/** A stream from a jump host to the next one. */
function forward(before: Session, to: Hop, limits: SessionLimits): Promise<Stream | Unreached> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limits.connectMs, { unreached: 'the jump host did not connect to it in time' });
    const settle = (result: Stream | Unreached): void => {
      clearTimeout(timer);
      resolve(result);
    };
    void before.closed.then(() => settle({ unreached: 'the connection to the jump host was lost' }));
    try {
      before.client.forwardOut('127.0.0.1', 0, to.dial, to.address.port, (error, stream) =>
        settle(error ? { unreached: 'the jump host could not connect to it, or forbids forwarding' } : stream),
      );
    } catch {
      settle({ unreached: 'the connection to the jump host was lost' });
    }
  });
}

/** The last one first: its end travels through the others. A host that went silent does not let go of its socket, which would keep the process. */
async function closeAll(sessions: readonly Session[]): Promise<void> {
  for (const session of [...sessions].reverse()) session.client.end();
  const timer = setTimeout(() => {
    for (const session of sessions) session.socket.destroy();
  }, CLOSE_MS);
  // All others go through the first one.
  await sessions[0]?.closed;
  clearTimeout(timer);
}

/** A tailscale node's address in the tailnet (G-6); the others' as it is written. */
async function dialOf(address: HostAddress, deps: ConnectDeps): Promise<string> {
  if (address.transport === 'ssh') return address.address;
  if (address.transport === 'local')
    throw badJump(address.name, `${address.name} has the transport local, so nothing is reached through it`);
  const { nodeRefusal, resolveNode } = await import('../tailscale/node.js');
  const node = resolveNode(await deps.tailnet.status(), address.address, { shared: address.shared });
  if ('failure' in node) throw nodeRefusal(address.name, address.address, node.failure);
  return node.address;
}

function refuseCircle(target: HostAddress, way: readonly HostAddress[]): void {
  const seen = new Set<string>();
  for (const { name } of way) {
    if (seen.has(name)) throw badJump(target.name, `the jumps to ${target.name} come through ${name} twice`);
    seen.add(name);
  }
}

function badJump(host: string, summary: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-HOST-JUMP',
    exit: EXIT_INVALID,
    summary,
    where: { host, step: 'connect' },
    hint: `look at hosts.${host}.jump in .platform/config.yaml`,
  });
}

function notReached(target: HostAddress, failed: Failed): PlatformError {
  const at = failed.at.name === target.name ? '' : ` (jump host ${failed.at.name})`;
  return new PlatformError({
    code: 'PCTL-HOST-CONNECT',
    exit: EXIT_REMOTE_FAILED,
    summary: `${target.name} cannot be reached at ${failed.at.address} port ${failed.at.port}${at}`,
    where: { host: target.name, step: 'connect' },
    why: `${failed.unreached}; tried ${TRIES} times`,
    hint: `platformctl host check ${target.name}`,
  });
}
