/** `PLAN.sig` (G-4): digest lines, then the armored signature over them; several of these one after the other. */

/** What a signature is for (ssh-keygen's `-n`): one made for git or mail is none. */
export const NAMESPACE = 'platformctl-plan';
/** Bytes of a file of signatures; larger ones are refused unread. */
export const SIGNATURES_MAX_BYTES = 1024 * 1024;
/** Signatures of one file that are looked at. */
const BLOCKS_MAX = 100;
/** Digests that one signature may cover. */
const DIGESTS_MAX = 1000;
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
const BODY = /^[A-Za-z0-9+/=]{1,200}$/;

export interface SignatureBlock {
  /** Line of its BEGIN, from 1. */
  readonly line: number;
  /** What it says that it signs, sorted, each once; [] where it was made by hand for this one plan. */
  readonly digests: readonly string[];
  readonly armor: string;
}

export interface SignatureFile {
  readonly blocks: readonly SignatureBlock[];
  /** What stands there beside digests and signatures: never counted, always shown. */
  readonly strays: readonly { readonly line: number; readonly why: string }[];
}

/** The message of a signature (G-4): the digests sorted, one a line, without a newline at the end. */
export function signedMessage(digests: readonly string[]): string {
  return [...new Set(digests)].sort().join('\n');
}

/** What `approve` appends to each plan's signature file. */
export function signatureText(digests: readonly string[], armor: string): string {
  return `${signedMessage(digests)}\n${armor.trim()}\n`;
}

/** Reads whatever the file holds; never throws. */
export function parseSignatureFile(bytes: Uint8Array): SignatureFile {
  const blocks: SignatureBlock[] = [];
  const strays: { line: number; why: string }[] = [];
  const lines = new TextDecoder()
    .decode(bytes)
    .split('\n')
    .map((line) => line.replace(/\r$/, ''));
  const note = (line: number, why: string) => {
    if (strays.length < BLOCKS_MAX) strays.push({ line, why });
  };
  let digests: string[] = [];
  let spoiled = false;
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const number = at + 1;
    at += 1;
    if (/^[0-9a-f]{64}$/.test(line) && digests.length < DIGESTS_MAX) {
      digests.push(line);
    } else if (line === BEGIN) {
      let end = at;
      while (BODY.test(lines[end] ?? '')) end += 1;
      if (lines[end] !== END) note(number, 'a signature that is damaged or has no end');
      else if (spoiled) note(number, 'a signature behind lines that are no digests');
      else if (blocks.length >= BLOCKS_MAX) note(number, `more than ${BLOCKS_MAX} signatures`);
      else {
        const armor = `${lines.slice(at - 1, end + 1).join('\n')}\n`;
        blocks.push({ line: number, digests: [...new Set(digests)].sort(), armor });
      }
      at = lines[end] === END ? end + 1 : end;
      digests = [];
      spoiled = false;
    } else if (line.trim() !== '') {
      note(number, 'neither a digest nor a signature');
      spoiled = true;
    }
  }
  if (digests.length > 0) note(lines.length, 'digests without a signature behind them');
  return { blocks, strays };
}
