/** The envelope of an OpenSSH signature (PROTOCOL.sshsig), read to know whose key and which namespace it claims. It proves nothing; ssh-keygen does. */

const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
/** Characters of one armored signature; an RSA-16384 one has about 6,000. */
const ARMOR_MAX = 32 * 1024;

export interface SshSignature {
  /** `ssh-ed25519 AAAA...` */
  readonly publicKey: string;
  readonly namespace: string;
  readonly hash: string;
}

/** What one armored signature says of itself, or null where it is not exactly one well-formed signature. */
export function parseSshSignature(armor: string): SshSignature | null {
  if (armor.length > ARMOR_MAX) return null;
  const lines = armor.replace(/\r/g, '').trim().split('\n');
  if (lines.length < 3 || lines[0] !== BEGIN || lines.at(-1) !== END) return null;
  const base64 = lines.slice(1, -1).join('');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return null;
  const blob = Buffer.from(base64, 'base64');
  if (blob.subarray(0, 6).toString('latin1') !== 'SSHSIG' || blob.length < 10 || blob.readUInt32BE(6) !== 1)
    return null;
  const fields: Buffer[] = [];
  let at = 10;
  while (at + 4 <= blob.length && fields.length < 5) {
    const length = blob.readUInt32BE(at);
    if (at + 4 + length > blob.length) return null;
    fields.push(blob.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  const [key, namespace, , hash] = fields;
  if (fields.length !== 5 || at !== blob.length || !key || !namespace || !hash) return null;
  const kind = keyKind(key);
  if (kind === null) return null;
  return {
    publicKey: `${kind} ${key.toString('base64')}`,
    namespace: namespace.toString('utf8'),
    hash: hash.toString('utf8'),
  };
}

/** The name that a key blob begins with, or null. */
function keyKind(blob: Buffer): string | null {
  if (blob.length < 8) return null;
  const length = blob.readUInt32BE(0);
  if (length < 1 || length > 64 || 4 + length > blob.length) return null;
  const kind = blob.toString('latin1', 4, 4 + length);
  return /^[a-z0-9@.-]+$/.test(kind) ? kind : null;
}
