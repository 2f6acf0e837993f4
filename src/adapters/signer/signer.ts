/** The `Signer` port over ssh-keygen and ssh-add (G-4). */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { PlatformError } from '../../errors.js';
import { EXIT_TOOL_ERROR } from '../../exits.js';
import type { Signer } from '../../ports.js';
import { parseSshSignature } from './sshsig.js';

const NAMESPACE = 'platformctl-plan';
/** Milliseconds for a check or a question to the agent. */
const QUICK_MS = 15_000;
/** Milliseconds for a signature: a person may have to type a passphrase or touch a key. */
const SIGN_MS = 120_000;
const KEY_FILE_MAX = 64 * 1024;
const PUBLIC_KEY = /^((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?:\s|$)/;

export interface SignerOptions {
  /** What ssh-keygen and ssh-add get (M-6): PATH, HOME, TMPDIR, SSH_AUTH_SOCK. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether ssh-keygen may ask for a passphrase on the terminal (C-4). */
  readonly interactive: boolean;
}

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Errors of all methods: PCTL-SIGN-TOOL (2) where a program is missing or silent, PCTL-SIGN-KEY (2) where a key cannot be read or used. */
export function createSigner(options: SignerOptions): Signer {
  const run = (program: string, args: readonly string[], input: string, ms = QUICK_MS, terminal = false) =>
    start(options, program, args, input, ms, terminal);

  return {
    async sign(key, message) {
      return privately(options, async (folder) => {
        const file = join(folder, 'message');
        await writeFile(file, message, { mode: 0o600 });
        const args = ['-Y', 'sign', '-n', NAMESPACE, '-f', await keyFile(key, folder), file];
        const answer = await run('ssh-keygen', args, '', SIGN_MS, options.interactive);
        if (answer.code !== 0) throw cannotSign(key, answer.stderr, options.interactive);
        return armored(await readFile(`${file}.sig`, 'utf8'));
      });
    },

    async check(signature, message) {
      const claimed = parseSshSignature(signature);
      if (claimed?.namespace !== NAMESPACE) return null;
      return privately(options, async (folder) => {
        const file = join(folder, 'signature');
        await writeFile(file, `${signature.trim()}\n`, { mode: 0o600 });
        const answer = await run('ssh-keygen', ['-Y', 'check-novalidate', '-n', NAMESPACE, '-s', file], message);
        // ssh-keygen names the key that it used; it has to be the one that the envelope names.
        const used = /(SHA256:[A-Za-z0-9+/]{43})\s*$/m.exec(answer.stdout)?.[1];
        return answer.code === 0 && used === fingerprint(claimed.publicKey) ? claimed.publicKey : null;
      });
    },

    async agentKeys() {
      if (!options.env.SSH_AUTH_SOCK) return [];
      const answer = await run('ssh-add', ['-L'], '');
      // 1: the agent holds no key; 2: there is no agent. Both: no keys.
      return answer.code === 0 ? answer.stdout.split('\n').flatMap((line) => publicKeyOf(line) ?? []) : [];
    },

    async publicKey(path) {
      const own = await readText(path);
      const direct = own === null ? null : publicKeyOf(own);
      if (direct) return direct;
      const beside = await readText(`${path}.pub`);
      const found = beside === null ? null : publicKeyOf(beside);
      if (found) return found;
      if (own === null) throw badKey(path, 'there is no such file');
      const answer = await run('ssh-keygen', ['-y', '-f', path], '', SIGN_MS, options.interactive);
      const derived = publicKeyOf(answer.stdout);
      if (answer.code !== 0 || !derived) throw cannotSign(path, answer.stderr, options.interactive);
      return derived;
    },
  };
}

/** `SHA256:...` as ssh-keygen prints it. */
function fingerprint(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** `ssh-ed25519 AAAA` of a public key line, without options or comment; null where it is none. */
function publicKeyOf(line: string): string | null {
  const [, kind, blob] = PUBLIC_KEY.exec(line.trim()) ?? [];
  return kind && blob ? `${kind} ${blob}` : null;
}

/** ssh-keygen wants a file: a literal public key (as git's `user.signingkey` may be) becomes one, its private half is the agent's. */
async function keyFile(key: string, folder: string): Promise<string> {
  const literal = publicKeyOf(key.replace(/^key::/, ''));
  if (literal === null) return key;
  const file = join(folder, 'key.pub');
  await writeFile(file, `${literal}\n`, { mode: 0o600 });
  return file;
}

async function readText(path: string): Promise<string | null> {
  try {
    const bytes = await readFile(path);
    return bytes.length > KEY_FILE_MAX ? null : bytes.toString('utf8');
  } catch {
    return null;
  }
}

/** A folder of mode 0700 that is gone afterwards, whatever happened. */
async function privately<T>(options: SignerOptions, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(options.env.TMPDIR || tmpdir(), 'platformctl-sign-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function start(
  options: SignerOptions,
  program: string,
  args: readonly string[],
  input: string,
  ms: number,
  terminal: boolean,
): Promise<Answer> {
  const result = await execa(program, args, {
    env: { ...options.env, LC_ALL: 'C', ...(terminal ? {} : { SSH_ASKPASS_REQUIRE: 'never' }) },
    extendEnv: false,
    // With a terminal ssh-keygen asks on /dev/tty. Without, it gets a session of its own, where there is none to ask on (C-4).
    detached: !terminal,
    input,
    stripFinalNewline: false,
    reject: false,
    maxBuffer: 1024 * 1024,
    timeout: ms,
    forceKillAfterDelay: 1000,
  });
  if (result.exitCode === undefined) {
    const why = result.timedOut
      ? `no answer within ${ms / 1000} s`
      : result.code === 'ENOENT'
        ? 'not on PATH'
        : 'it was ended';
    throw new PlatformError({
      code: 'PCTL-SIGN-TOOL',
      exit: EXIT_TOOL_ERROR,
      summary: `${program} failed`,
      why,
      hint: 'install the OpenSSH client; is an agent waiting for a confirmation?',
    });
  }
  return { code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

function armored(text: string): string {
  if (parseSshSignature(text) === null) throw badKey('', 'ssh-keygen wrote no signature');
  return text.trim();
}

function cannotSign(key: string, stderr: string, interactive: boolean): PlatformError {
  if (/passphrase|incorrect/i.test(stderr) && !interactive) {
    return badKey(
      key,
      'it has a passphrase and there is no terminal to ask on',
      'ssh-add the key, or sign on a terminal',
    );
  }
  if (/bad permissions|too open/i.test(stderr)) return badKey(key, 'others can read the file', 'chmod 600 FILE');
  if (/No private key|agent|couldn't/i.test(stderr)) {
    return badKey(key, 'no private half of this key: neither a file nor in the agent', 'ssh-add FILE, or --key FILE');
  }
  return badKey(key, 'ssh-keygen cannot use it');
}

function badKey(key: string, why: string, hint = 'name a private key with --key FILE'): PlatformError {
  return new PlatformError({
    code: 'PCTL-SIGN-KEY',
    exit: EXIT_TOOL_ERROR,
    summary: 'the key cannot be used to sign',
    ...(key === '' || key.includes('PRIVATE') ? {} : { where: { file: key.slice(0, 200) } }),
    why,
    hint,
  });
}
