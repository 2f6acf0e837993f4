/** `.platform/allowed_signers` (G-4): OpenSSH's format, without what would let somebody in who is not named. */
import { createHash } from 'node:crypto';
import type { Problem } from '../errors.js';
import { type Bad, bad, endOfOptions, type Options, parseOptions, show } from './signer-options.js';

/** Bytes and lines that are read; a larger file is a problem. */
const BYTES_MAX = 1024 * 1024;
const LINES_MAX = 10_000;

/** One line of the file, its addresses in lower case. */
export interface SignerLine {
  readonly line: number;
  readonly addresses: readonly string[];
  /** `ssh-ed25519 AAAA...` without a comment. */
  readonly key: string;
  /** Patterns of `namespaces=`, null: any namespace. */
  readonly namespaces: readonly string[] | null;
  /** Milliseconds since 1970, null: no bound. A time without `Z` is UTC here, so that it means the same on every machine. */
  readonly validAfter: number | null;
  readonly validBefore: number | null;
}

/** What lines that share an address or a key make together. */
export interface Signer {
  /** Sorted; the first names the person. */
  readonly addresses: readonly string[];
  readonly lines: readonly SignerLine[];
}

export interface AllowedSigners {
  readonly persons: readonly Signer[];
  readonly problems: readonly Problem[];
}

const KEY = /^((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]|$)/;
const ADDRESS = /^[^\s@,"'<>()[\]\\*?!]{1,64}@[^\s@,"'<>()[\]\\*?!]{1,255}$/;

/** Reads the file; a line with a problem gives no signer. All problems are exit 3. */
export function parseAllowedSigners(bytes: Uint8Array, file: string): AllowedSigners {
  const problem = (line: number, code: string, message: string, hint: string): Problem => ({
    code,
    file,
    line,
    column: 1,
    message,
    hint,
  });
  if (bytes.length > BYTES_MAX) {
    return {
      persons: [],
      problems: [problem(1, 'PCTL-SIGNERS-SIZE', 'the file is larger than 1 MiB', 'keep one line a key')],
    };
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { persons: [], problems: [problem(1, 'PCTL-SIGNERS-LINE', 'the file is not UTF-8', 'save it as UTF-8')] };
  }
  const lines: SignerLine[] = [];
  const problems: Problem[] = [];
  const rows = text.split('\n');
  if (rows.length > LINES_MAX) {
    return {
      persons: [],
      problems: [problem(LINES_MAX, 'PCTL-SIGNERS-SIZE', `more than ${LINES_MAX} lines`, 'keep one line a key')],
    };
  }
  rows.forEach((row, index) => {
    const content = row.replace(/\r$/, '').replace(/^[ \t]+/, '');
    if (content === '' || content.startsWith('#')) return;
    const read = parseLine(content);
    if ('bad' in read) problems.push(problem(index + 1, read.code, read.bad, read.hint));
    else lines.push({ ...read, line: index + 1 });
  });
  return { persons: persons(lines), problems };
}

function parseLine(content: string): Omit<SignerLine, 'line'> | Bad {
  const [whole, quoted, plain] = /^(?:"([^"]*)"|([^\s"]+))[ \t]+/.exec(content) ?? [];
  if (whole === undefined) return bad('the line has no key');
  const addresses: string[] = [];
  for (const principal of (quoted ?? plain ?? '').split(',')) {
    if (/[*?!]/.test(principal)) {
      return bad(
        `a pattern is not allowed: ${show(principal)}`,
        'name every person by an e-mail address',
        'PCTL-SIGNERS-PATTERN',
      );
    }
    if (!ADDRESS.test(principal)) {
      return bad(
        `no e-mail address: ${show(principal)}`,
        'principals are the e-mail addresses of people',
        'PCTL-SIGNERS-ADDRESS',
      );
    }
    addresses.push(principal.toLowerCase());
  }
  let rest = content.slice(whole.length);
  let options: Options = { namespaces: null, validAfter: null, validBefore: null };
  if (!KEY.test(rest)) {
    const end = endOfOptions(rest);
    if (end < 0) return bad('the line has no key, or options that are not closed');
    const read = parseOptions(rest.slice(0, end));
    if ('bad' in read) return read;
    options = read;
    rest = rest.slice(end).replace(/^[ \t]+/, '');
  }
  const [, kind, blob] = KEY.exec(rest) ?? [];
  if (!kind || !blob) return bad('no public key behind the addresses');
  if (kind.includes('-cert-')) {
    return bad('certificates are not accepted', 'write the plain public key', 'PCTL-SIGNERS-CERTIFICATE');
  }
  if (!namesItself(kind, blob)) return bad('the key is damaged: its data is not of the kind that it names');
  return { addresses: [...new Set(addresses)], key: `${kind} ${blob}`, ...options };
}

/** Whether the key's data begins with the name of its kind. */
function namesItself(kind: string, blob: string): boolean {
  const data = Buffer.from(blob, 'base64');
  return (
    data.length > kind.length + 4 &&
    data.readUInt32BE(0) === kind.length &&
    data.toString('latin1', 4, 4 + kind.length) === kind
  );
}

/** The connected components of lines over the addresses and keys that they share. */
function persons(lines: readonly SignerLine[]): Signer[] {
  const parent = new Map<string, string>();
  const find = (name: string): string => {
    let root = name;
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up;
    for (let at = name; at !== root; ) {
      const next = parent.get(at) ?? root;
      parent.set(at, root);
      at = next;
    }
    return root;
  };
  const node = (kind: 'key' | 'address', name: string) => {
    const id = `${kind} ${name}`;
    if (!parent.has(id)) parent.set(id, id);
    return id;
  };
  for (const line of lines) {
    const key = node('key', line.key);
    for (const address of line.addresses) parent.set(find(node('address', address)), find(key));
  }
  const groups = new Map<string, SignerLine[]>();
  for (const line of lines) {
    const root = find(`key ${line.key}`);
    const group = groups.get(root);
    if (group) group.push(line);
    else groups.set(root, [line]);
  }
  return [...groups.values()].map((group) => ({
    addresses: [...new Set(group.flatMap((line) => line.addresses))].sort(),
    lines: group,
  }));
}

/** Why a line does not vouch for `namespace` at `now`, or null where it does. */
export function lineInvalid(
  line: SignerLine,
  namespace: string,
  now: number,
): 'namespace' | 'not yet' | 'expired' | null {
  if (line.namespaces && !matchesList(namespace, line.namespaces)) return 'namespace';
  if (line.validAfter !== null && now < line.validAfter) return 'not yet';
  if (line.validBefore !== null && now > line.validBefore) return 'expired';
  return null;
}

/** OpenSSH's pattern list: `*`, `?`, and `!` for what must not match. */
function matchesList(value: string, patterns: readonly string[]): boolean {
  let found = false;
  for (const pattern of patterns) {
    const negative = pattern.startsWith('!');
    if (!matchesPattern(value, negative ? pattern.slice(1) : pattern)) continue;
    if (negative) return false;
    found = true;
  }
  return found;
}

/** Linear in the product of both lengths, whatever the pattern. */
function matchesPattern(value: string, pattern: string): boolean {
  let reachable = [true, ...Array.from(value, () => false)];
  for (const character of pattern.slice(0, 256)) {
    if (character === '*') {
      const first = reachable.indexOf(true);
      reachable = reachable.map((_, at) => first >= 0 && at >= first);
    } else {
      reachable = reachable.map(
        (_, at) => at > 0 && reachable[at - 1] === true && (character === '?' || character === value[at - 1]),
      );
    }
  }
  return reachable.at(-1) === true;
}

/** `SHA256:...` of a public key, as ssh-keygen prints it. */
export function keyFingerprint(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
