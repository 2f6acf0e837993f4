/** Which host key a host may show, and what is said of another one (G-6: no trust on first use). */
import { PlatformError } from '../../errors.js';
import { EXIT_POLICY_VIOLATION } from '../../exits.js';
import type { Files, HostAddress } from '../../ports.js';
import { decodeKey, type KnownKeys, knownKeys, knownName } from './known-hosts.js';
import { blobKind, fingerprint } from './wire.js';

const MAX_KNOWN_HOSTS = 4 * 1024 * 1024;

/** By preference. SHA-1 signatures (`ssh-rsa`) and DSA are never asked for. */
const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

export interface Pins extends KnownKeys {
  /** For the messages: `host_key`, or the file's path; null where the config names neither. */
  readonly source: string | null;
}

/** `~/x` in the home directory of whoever runs platformctl. */
export function expandHome(path: string, homeDirectory: string): string {
  return path === '~' || path.startsWith('~/') ? homeDirectory + path.slice(1) : path;
}

/**
 * What the config says of a host's key.
 * @throws PlatformError PCTL-GATE-HOST-KEY (4): a host_key that is none, a known_hosts_file that is not there or whose path is relative
 */
export async function pinsOf(address: HostAddress, files: Files, homeDirectory: string): Promise<Pins> {
  if (address.hostKey !== null) {
    const [kind = '', encoded = ''] = address.hostKey.trim().split(/\s+/);
    const blob = decodeKey(kind, encoded);
    if (blob === null) {
      throw refusal(
        address,
        `the host_key of ${address.name} is not a public key`,
        null,
        "host_key is `ssh-ed25519 AAAA...`, as in the host's /etc/ssh/ssh_host_ed25519_key.pub",
      );
    }
    return { source: 'host_key', trusted: [blob], revoked: [], authority: false };
  }
  if (address.knownHostsFile !== null) {
    const path = expandHome(address.knownHostsFile, homeDirectory);
    if (!path.startsWith('/')) {
      throw refusal(
        address,
        `the known_hosts_file of ${address.name} is a relative path: ${path}`,
        null,
        'an absolute path, or one that begins with ~/',
      );
    }
    const bytes = await files.read(path, MAX_KNOWN_HOSTS);
    if (bytes === null)
      throw refusal(address, `the known_hosts_file of ${address.name} is not there: ${path}`, null, null);
    return { source: path, ...knownKeys(Buffer.from(bytes).toString('latin1'), address.address, address.port) };
  }
  return { source: null, trusted: [], revoked: [], authority: false };
}

/** Host key algorithms to offer: the kinds of the trusted keys first, so that the server shows one of those; the others after them, so that a changed key is seen and named. */
export function hostKeyAlgorithms(pins: Pins): string[] {
  const kinds = new Set(pins.trusted.map(blobKind));
  const wanted = (algorithm: string): boolean => kinds.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
  return [...ALGORITHMS.filter(wanted), ...ALGORITHMS.filter((algorithm) => !wanted(algorithm))];
}

/** null where the host may show this key, else the refusal: PCTL-GATE-HOST-KEY (4), with the fingerprint seen and how to pin it. */
export function judgeHostKey(address: HostAddress, pins: Pins, shown: Buffer): PlatformError | null {
  const seen = `${blobKind(shown) ?? 'unknown'} ${fingerprint(shown)}`;
  if (pins.revoked.some((key) => key.equals(shown))) {
    return refusal(
      address,
      `${address.name} showed a revoked host key: ${seen}`,
      `${pins.source} marks it @revoked`,
      null,
    );
  }
  if (pins.trusted.some((key) => key.equals(shown))) return null;
  const line = `${blobKind(shown) ?? ''} ${shown.toString('base64')}`;
  const compare = 'compare it on the machine itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub';
  if (pins.trusted.length > 0) {
    const known = pins.trusted.map(fingerprint).join(', ');
    return refusal(
      address,
      `the host key of ${address.name} changed: it showed ${seen}`,
      `${pins.source} says ${known}: the machine was set up anew, or somebody stands in between`,
      `${compare}; if it is right, ${pin(address, pins, line)}`,
    );
  }
  const why = pins.authority
    ? `${pins.source} names a @cert-authority for it: host certificates are not supported, the key itself must be pinned`
    : pins.source === null
      ? 'the config names neither its host_key nor a known_hosts_file, and nothing is trusted on first use'
      : `${pins.source} has no key of ${knownName(address.address, address.port)}`;
  return refusal(
    address,
    `the host key of ${address.name} is not known: it showed ${seen}`,
    why,
    `${compare}; if it is right, ${pin(address, pins, line)}`,
  );
}

function pin(address: HostAddress, pins: Pins, line: string): string {
  return address.knownHostsFile === null || pins.source === 'host_key'
    ? `write into .platform/config.yaml, hosts.${address.name}: host_key: "${line}"`
    : `write into ${pins.source}: ${knownName(address.address, address.port)} ${line}`;
}

function refusal(address: HostAddress, summary: string, why: string | null, hint: string | null): PlatformError {
  return new PlatformError({
    code: 'PCTL-GATE-HOST-KEY',
    exit: EXIT_POLICY_VIOLATION,
    summary,
    where: { host: address.name, step: 'connect' },
    ...(why === null ? {} : { why }),
    ...(hint === null ? {} : { hint }),
  });
}
