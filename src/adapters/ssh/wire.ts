/** SSH's strings in bytes (RFC 4251), and what is read off a public key's blob. Pure. */
import { createHash } from 'node:crypto';

/** The string at `at` (four bytes of length, then its bytes) and where the next thing begins; null where it does not fit. */
export function wireString(bytes: Buffer, at: number): { readonly value: Buffer; readonly next: number } | null {
  if (at + 4 > bytes.length) return null;
  const next = at + 4 + bytes.readUInt32BE(at);
  return next > bytes.length ? null : { value: bytes.subarray(at + 4, next), next };
}

/** `ssh-ed25519`, `sk-ssh-ed25519@openssh.com`, ... of a public key blob; null where it is none. */
export function blobKind(blob: Buffer): string | null {
  const kind = wireString(blob, 0)?.value.toString('latin1');
  return kind !== undefined && /^[a-z0-9@.-]{1,80}$/.test(kind) ? kind : null;
}

/** `SHA256:...` as ssh prints it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** Why the SSH library cannot use this kind of key (M-10), null where it can. */
export function unusableKind(kind: string): string | null {
  if (kind.startsWith('sk-')) return `${kind} is a FIDO key, which needs its device: platformctl cannot use it`;
  if (kind.includes('-cert-')) return `${kind} is a certificate: platformctl cannot use it`;
  if (!/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521))$/.test(kind))
    return `${kind} is a kind of key that platformctl cannot use`;
  return null;
}
