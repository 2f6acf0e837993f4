/** known_hosts as sshd(8) describes it: plain and hashed names, patterns, `[host]:port`, `@revoked`. Pure. `@cert-authority` trusts nothing here. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { blobKind } from './wire.js';

export interface KnownKeys {
  /** Public key blobs that this host may show. */
  readonly trusted: readonly Buffer[];
  /** Blobs that nobody may show. */
  readonly revoked: readonly Buffer[];
  /** A `@cert-authority` line names this host: certificates are not supported, and the refusal says so. */
  readonly authority: boolean;
}

/** The name under which known_hosts holds a host: `[name]:port` where the port is not 22. */
export function knownName(address: string, port: number): string {
  return port === 22 ? address.toLowerCase() : `[${address.toLowerCase()}]:${port}`;
}

/** What a known_hosts text says of one host. A line that cannot be read says nothing. */
export function knownKeys(text: string, address: string, port: number): KnownKeys {
  const name = knownName(address, port);
  const trusted: Buffer[] = [];
  const revoked: Buffer[] = [];
  let authority = false;
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [names, kind, encoded] = words;
    if (names === undefined || names.startsWith('#') || kind === undefined || encoded === undefined) continue;
    const blob = decodeKey(kind, encoded);
    if (blob === null || !namesMatch(names, name)) continue;
    if (marker === undefined) trusted.push(blob);
    else if (marker === '@revoked') revoked.push(blob);
    else if (marker === '@cert-authority') authority = true;
  }
  return { trusted, revoked, authority };
}

/** The blob of `ssh-ed25519 AAAA...`, null where kind and blob do not agree or it is no base64. */
export function decodeKey(kind: string, encoded: string): Buffer | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return null;
  const blob = Buffer.from(encoded, 'base64');
  return blobKind(blob) === kind ? blob : null;
}

function namesMatch(names: string, name: string): boolean {
  if (names.startsWith('|')) return hashed(names, name);
  let found = false;
  for (const pattern of names.split(',')) {
    const negated = pattern.startsWith('!');
    if (!wildcard(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

/** `|1|salt|HMAC-SHA1(salt, name)`, both base64. */
function hashed(names: string, name: string): boolean {
  const [, version, salt, digest] = names.split('|');
  if (version !== '1' || salt === undefined || digest === undefined) return false;
  const expected = Buffer.from(digest, 'base64');
  const found = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === found.length && timingSafeEqual(expected, found);
}

/** `*` and `?`, without a regular expression: a pattern from a file must not be able to backtrack for long (I-3). */
function wildcard(pattern: string, name: string): boolean {
  const p = pattern.toLowerCase();
  let at = 0;
  let star = -1;
  let resume = 0;
  let i = 0;
  while (i < name.length) {
    if (at < p.length && p[at] === '*') {
      star = at++;
      resume = i;
    } else if (at < p.length && (p[at] === '?' || p[at] === name[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++resume;
    } else return false;
  }
  while (p[at] === '*') at++;
  return at === p.length;
}
