/** What kind of private key a text holds, read without a passphrase. Pure. */
import { blobKind, wireString } from './wire.js';

export interface KeyText {
  /** `ssh-ed25519`, `sk-...`; null where it cannot be told (old PEM formats, no key at all). */
  readonly kind: string | null;
  readonly encrypted: boolean;
  /** The public half's blob, where the text has it in the clear. */
  readonly publicBlob: Buffer | null;
  /** It is a public key: the private half may be in an agent. */
  readonly isPublic: boolean;
}

const MAGIC = 'openssh-key-v1\0';

export function readKeyText(text: string): KeyText {
  const armored = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/.exec(text);
  if (armored) return opensshKey(Buffer.from((armored[1] as string).replace(/\s/g, ''), 'base64'));
  const pem = /^-----BEGIN ([A-Z ]*)PRIVATE KEY-----/m.exec(text);
  if (pem) {
    const encrypted = pem[1] === 'ENCRYPTED ' || /^Proc-Type: 4,ENCRYPTED/m.test(text);
    const kind = pem[1] === 'RSA ' ? 'ssh-rsa' : pem[1] === 'DSA ' ? 'ssh-dss' : null;
    return { kind, encrypted, publicBlob: null, isPublic: false };
  }
  const [kind, encoded] = text.trim().split(/\s+/);
  if (kind !== undefined && encoded !== undefined) {
    const blob = Buffer.from(encoded, 'base64');
    if (blobKind(blob) === kind) return { kind, encrypted: false, publicBlob: blob, isPublic: true };
  }
  return { kind: null, encrypted: false, publicBlob: null, isPublic: false };
}

/** magic, cipher name, kdf name, kdf options, number of keys, public key, ... */
function opensshKey(bytes: Buffer): KeyText {
  const nothing = { kind: null, encrypted: false, publicBlob: null, isPublic: false };
  if (bytes.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) return nothing;
  const cipher = wireString(bytes, MAGIC.length);
  const kdf = cipher && wireString(bytes, cipher.next);
  const options = kdf && wireString(bytes, kdf.next);
  const key = options && wireString(bytes, options.next + 4);
  if (!cipher || !key) return nothing;
  return {
    kind: blobKind(key.value),
    encrypted: cipher.value.toString('latin1') !== 'none',
    publicBlob: Buffer.from(key.value),
    isPublic: false,
  };
}
