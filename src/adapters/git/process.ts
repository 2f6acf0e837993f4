/** Starts git so that neither the repository nor the environment can make it run anything (I-2), with a deadline and a bound on what it says. */
import { execa } from 'execa';
import { PlatformError } from '../../errors.js';
import { EXIT_TOOL_ERROR } from '../../exits.js';
import { keepGroup } from './group.js';

/** Milliseconds for a command that stays on this machine. */
export const LOCAL_MS = 60_000;
/** Milliseconds for one that asks a remote (G-1). */
export const REMOTE_MS = 15_000;
/** Bytes of output; more is an error. */
const OUTPUT_MAX = 256 * 1024 * 1024;
const STDERR_MAX = 64 * 1024;

/** Options in front of every command. They beat the repository's own config, which an attacker may have a hand in. */
const HARDENED: readonly string[] = [
  '--no-pager',
  '--no-optional-locks',
  '--literal-pathspecs',
  ...[
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.untrackedCache=false',
    'core.attributesFile=/dev/null',
    'diff.external=',
    'submodule.recurse=false',
    'fetch.recurseSubmodules=false',
    'fetch.writeCommitGraph=false',
    'log.showSignature=false',
    'log.follow=false',
    'gc.auto=0',
    'maintenance.auto=false',
    'protocol.ext.allow=never',
  ].flatMap((setting) => ['-c', setting]),
];

/** The child's environment: what the caller admits (M-6) without any `GIT_*`, and settings that keep git from asking, replacing objects or locking. */
export function childEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (!/^(GIT_|SSH_ASKPASS)/i.test(name)) clean[name] = value;
  }
  return {
    ...clean,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_GRAFT_FILE: '/dev/null',
    GIT_SSH_COMMAND: sshCommand('ssh'),
  };
}

/** An ssh for git that never asks and never waits for long. `base`: the operator's own core.sshCommand, or `ssh`. */
export function sshCommand(base: string): string {
  return `${base} -oBatchMode=yes -oConnectTimeout=10 -oServerAliveInterval=5 -oServerAliveCountMax=2`;
}

export interface GitProcess {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface GitAnswer {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The argument list of every git process: hardened, in `dir`. */
export function gitArguments(dir: string, args: readonly string[]): string[] {
  return ['-C', dir, ...HARDENED, ...args];
}

/**
 * Runs one git command to its end.
 * @param ok exit codes that are answers; another one is PCTL-GIT-FAILED
 * @throws PlatformError PCTL-GIT-MISSING, PCTL-GIT-TIMEOUT, PCTL-GIT-FLOOD, PCTL-GIT-FAILED (all 2)
 */
export async function git(
  at: GitProcess,
  args: readonly string[],
  options: {
    ms?: number;
    ok?: readonly number[];
    env?: Readonly<Record<string, string>>;
    input?: string;
  } = {},
): Promise<GitAnswer> {
  const ms = options.ms ?? LOCAL_MS;
  const running = execa('git', gitArguments(at.dir, args), {
    env: { ...at.env, ...options.env },
    extendEnv: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    encoding: 'buffer',
    stripFinalNewline: false,
    reject: false,
    maxBuffer: { stdout: OUTPUT_MAX, stderr: STDERR_MAX },
    detached: true,
  });
  const group = keepGroup(running, ms);
  const result = await Promise.race([running, group.killed]);
  if (result === null || group.late()) throw failure('PCTL-GIT-TIMEOUT', args, `no answer within ${ms / 1000} s`);
  if (result.isMaxBuffer) throw failure('PCTL-GIT-FLOOD', args, 'it printed more than is read');
  if (result.exitCode === undefined) {
    if (result.code === 'ENOENT') throw failure('PCTL-GIT-MISSING', args, 'git was not found on PATH');
    throw failure('PCTL-GIT-FAILED', args, result.signal ? `ended by ${result.signal}` : 'it could not be started');
  }
  const answer: GitAnswer = {
    code: result.exitCode,
    stdout: Buffer.from(result.stdout),
    stderr: Buffer.from(result.stderr).toString('utf8'),
  };
  if (!(options.ok ?? [0]).includes(answer.code)) throw failed(args, answer.stderr);
  return answer;
}

/** What git printed, without the newline at its end. */
export function text(answer: GitAnswer): string {
  return answer.stdout.toString('utf8').replace(/\n$/, '');
}

/** The error of a command that ended with a code that is no answer. */
export function failed(args: readonly string[], stderr: string): PlatformError {
  return ownerError(stderr) ?? failure('PCTL-GIT-FAILED', args, fatal(stderr));
}

/** null: it was not the owner. The way out is git's own line, which names the folder that has to be safe, in the shell's quotes. */
export function ownerError(stderr: string): PlatformError | null {
  const [hint] = /git config --global --add safe\.directory .*/.exec(stderr) ?? [];
  if (hint === undefined) return null;
  return new PlatformError({
    code: 'PCTL-GIT-OWNER',
    exit: EXIT_TOOL_ERROR,
    summary: 'the repository belongs to another user, and git refuses it',
    hint,
  });
}

/** What git died of, or else all that it said, in one line; without what an URL may hold (O-6). */
export function fatal(stderr: string): string {
  const said = stderr.split(/^fatal: /m).at(-1) ?? '';
  return said
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/:\/\/[^@/\s]*@/g, '://***@')
    .slice(0, 300);
}

export function failure(code: string, args: readonly string[], why: string, hint?: string): PlatformError {
  return new PlatformError({
    code,
    exit: EXIT_TOOL_ERROR,
    summary: `git ${args[0] ?? ''} failed`,
    ...(why === '' ? {} : { why }),
    ...(hint ? { hint } : {}),
  });
}
