/** One try to open one SSH connection: the key check, the identities, and ssh2's errors as ours (O-6). */
import { connect } from 'node:net';
import type { Duplex as Stream } from 'node:stream';
import type { AnyAuthMethod, Client, ConnectConfig, ParsedKey } from 'ssh2';
import ssh2 from 'ssh2';
import { PlatformError } from '../../errors.js';
import { EXIT_POLICY_VIOLATION, EXIT_REMOTE_FAILED } from '../../exits.js';
import type { HostAddress } from '../../ports.js';
import { hostKeyAlgorithms, judgeHostKey, type Pins } from './host-key.js';
import type { Identities, Offer } from './identity.js';
import { blobKind, fingerprint } from './wire.js';

export interface SessionLimits {
  /** The whole try: name, TCP, key exchange, authentication. */
  readonly connectMs: number;
  readonly keepaliveMs: number;
  readonly keepaliveCount: number;
}

/** SSH_DISCONNECT_PROTOCOL_ERROR of RFC 4253: what sshd gives for a client that it had enough of. */
const PROTOCOL_ERROR = 2;

/** X-8: connect 15 s; keepalive 15 s, three missed is a lost connection. */
export const SESSION_LIMITS: SessionLimits = { connectMs: 15_000, keepaliveMs: 15_000, keepaliveCount: 3 };

export interface Session {
  readonly client: Client;
  /** What it goes over. `client.destroy()` leaves it open once `client.end()` was called. */
  readonly socket: Stream;
  /** The connection is no more, whoever ended it: also where it ended before anybody looked. */
  readonly closed: Promise<void>;
  /** The identity that was accepted. */
  readonly identity: string;
  /** `ssh-ed25519 SHA256:...` */
  readonly hostKey: string;
}

/** A failed try that another one may mend: refused, reset, closed before it was used. The value says what happened. */
export interface Unreached {
  readonly unreached: string;
}

/**
 * @param through the stream of the jump host before it; absent: a TCP connection of our own
 * @returns Unreached where trying again may help
 * @throws PlatformError PCTL-GATE-HOST-KEY (4), PCTL-SSH-AUTH (7), PCTL-HOST-SILENT (7)
 */
export function openSession(
  { address, dial, pins, identities }: { address: HostAddress; dial: string; pins: Pins; identities: Identities },
  limits: SessionLimits,
  through?: Stream,
): Promise<Session | Unreached> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    const socket = through ?? connect(address.port, dial);
    const closed = new Promise<void>((gone) => client.once('close', gone));
    let refused: PlatformError | null = null;
    let hostKey: string | null = null;
    let over = false;
    const tried: string[] = [];
    const used = { agentKey: null as string | null };

    const end = (result: PlatformError | Unreached): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      socket.destroy();
      if (result instanceof PlatformError) reject(result);
      else resolve(result);
    };
    /** Whether the server may have had enough of our keys. One alone is not too many, and neither are those before one that was signed with. */
    const tooMany = (): boolean => used.agentKey === null && keyCount(identities.offers.slice(0, tried.length)) > 1;
    const timer = setTimeout(() => end(slow(address, limits.connectMs, hostKey !== null)), limits.connectMs);

    // Stays for good: an EventEmitter without a listener for `error` would end the process.
    client.on('error', (error: Error & { level?: string; code?: unknown }) => {
      if (refused !== null) return end(refused);
      // The agent did not answer for one key: ssh2 goes on with the next.
      if (error.level === 'agent') return;
      if (error.level === 'client-authentication') return end(notAccepted(address, identities, tried, false));
      // sshd's "Too many authentication failures": a message of the server's has a reason and no level.
      if (error.level === undefined && error.code === PROTOCOL_ERROR && tried.length > 0)
        return end(notAccepted(address, identities, tried, tooMany()));
      end({ unreached: reasonOf(error, hostKey !== null) });
    });
    client.on('close', () => {
      if (refused !== null) return end(refused);
      // dropbear hangs up where sshd says why.
      if (tooMany()) return end(notAccepted(address, identities, tried, true));
      end({ unreached: `it closed the connection during the ${hostKey === null ? 'key exchange' : 'authentication'}` });
    });
    client.on('ready', () => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      const last = tried.at(-1) ?? 'none';
      const identity = used.agentKey === null ? last : `${last} ${used.agentKey}`;
      resolve({ client, socket, closed, identity, hostKey: hostKey ?? '' });
    });

    const offers = [...identities.offers];
    const config: ConnectConfig = {
      sock: socket as never,
      username: address.user,
      readyTimeout: 0,
      keepaliveInterval: limits.keepaliveMs,
      keepaliveCountMax: limits.keepaliveCount,
      algorithms: { serverHostKey: hostKeyAlgorithms(pins) as never },
      hostVerifier: (key: Buffer) => {
        refused = judgeHostKey(address, pins, key);
        hostKey = `${blobKind(key) ?? 'unknown'} ${fingerprint(key)}`;
        return refused === null;
      },
      authHandler: ((_left: unknown, _partial: unknown, next: (method: AnyAuthMethod | false) => void) => {
        const offer = offers.shift();
        used.agentKey = null;
        if (offer === undefined) return next(false);
        tried.push(offer.label);
        next(
          method(address.user, offer, (print) => {
            used.agentKey = print;
          }),
        );
      }) as never,
    };
    try {
      client.connect(config);
    } catch {
      // ssh2 throws for a config that it does not take; its message may hold what it was given.
      end({ unreached: 'the connection could not be prepared' });
    }
  });
}

function method(username: string, offer: Offer, signedWith: (print: string) => void): AnyAuthMethod {
  if (offer.from === 'key') return { type: 'publickey', username, key: offer.key.reveal() };
  const agent = new ssh2.OpenSSHAgent(offer.socket);
  const list = agent.getIdentities.bind(agent);
  const sign = agent.sign.bind(agent) as (...args: unknown[]) => void;
  const rank = (key: unknown): number => {
    const blob = (key as ParsedKey).getPublicSSH();
    return offer.first.some((wanted) => wanted.equals(blob)) ? 0 : 1;
  };
  agent.getIdentities = ((callback: (error: Error | null | undefined, keys?: unknown[]) => void) =>
    list((error, keys) =>
      callback(error, keys && [...keys].sort((a, b) => rank(a) - rank(b))),
    )) as typeof agent.getIdentities;
  agent.sign = ((key: ParsedKey, ...rest: unknown[]) => {
    signedWith(`${key.type} ${fingerprint(key.getPublicSSH())}`);
    sign(key, ...rest);
  }) as typeof agent.sign;
  return { type: 'agent', username, agent };
}

/** What happened, in our words: a library's message may hold anything. */
export function reasonOf(error: { readonly level?: string; readonly code?: unknown }, keySeen: boolean): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'nothing listens at this port (ECONNREFUSED)';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `its name has no address (${error.code})`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return `there is no way to it (${error.code})`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `it reset the connection (${error.code})`;
  }
  if (error.level === 'handshake')
    return 'the key exchange failed: it has no algorithm in common with us, or what answers is no SSH server';
  return keySeen
    ? 'the connection broke during the authentication'
    : 'what answers there does not speak SSH, or closed the connection';
}

function slow(address: HostAddress, ms: number, keySeen: boolean): PlatformError {
  return new PlatformError({
    code: 'PCTL-HOST-SILENT',
    exit: EXIT_REMOTE_FAILED,
    summary: `${address.name} did not let us in within ${ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`}`,
    where: { host: address.name, step: 'connect' },
    why: keySeen
      ? 'it went silent during the authentication'
      : `no SSH server answered at ${address.address} port ${address.port}`,
    hint: `platformctl host check ${address.name}`,
  });
}

const keyCount = (offers: readonly Offer[]): number =>
  offers.reduce((count, offer) => count + (offer.from === 'agent' ? offer.keys.length : 1), 0);

function notAccepted(
  address: HostAddress,
  identities: Identities,
  tried: readonly string[],
  tooMany: boolean,
): PlatformError {
  const held = identities.offers.flatMap((offer) =>
    offer.from === 'agent' ? offer.keys.map((key) => `${key.kind} ${fingerprint(key.blob)}`) : [],
  );
  return new PlatformError({
    code: 'PCTL-SSH-AUTH',
    exit: EXIT_REMOTE_FAILED,
    summary: `${address.name} did not accept any of our keys for the user ${address.user}`,
    where: { host: address.name, step: 'connect' },
    why: [
      ...(tooMany ? ['it ended the connection over too many keys'] : []),
      `offered: ${tried.join(', ')}`,
      ...(held.length === 0 ? [] : [`the agent holds ${held.slice(0, 10).join(', ')}`]),
      ...identities.notes,
    ].join('; '),
    hint: tooMany
      ? 'name the right key, or its .pub where an agent holds it: identity_file in .platform/config.yaml, or PLATFORMCTL_IDENTITY_FILE'
      : `add the public key to ~${address.user}/.ssh/authorized_keys on ${address.name}`,
  });
}

/** PCTL-GATE-HOST (4): root over SSH or Tailscale (G-6). */
export function refuseRoot(address: HostAddress): void {
  if (address.user.trim().toLowerCase() !== 'root') return;
  throw new PlatformError({
    code: 'PCTL-GATE-HOST',
    exit: EXIT_POLICY_VIOLATION,
    summary: `${address.name}: connecting as root is refused`,
    where: { host: address.name, step: 'connect' },
    hint: `make a user for it (useradd -m -G docker platform-host-agent) and name it in hosts.${address.name}.user`,
  });
}
