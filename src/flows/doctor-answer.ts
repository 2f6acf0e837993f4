/** What check.sh (C-7) said, read strictly: whatever is not of its form is refused, and a path is only shown after its control characters were escaped (O-5). */
import { PlatformError } from '../errors.js';
import { EXIT_REMOTE_FAILED } from '../exits.js';
import { visible } from '../secret/controls.js';

export interface FileAnswer {
  /** `ok`, or why apply could not replace it. */
  readonly state: 'ok' | 'folder' | 'is-folder' | 'owner' | 'filesystem' | 'unknown';
  /** The folder or file that stands in the way; null where nothing does. */
  readonly path: string | null;
}

export interface HostAnswer {
  readonly user: string;
  readonly uid: number;
  /** Seconds since 1970. */
  readonly now: number;
  /** `ok VERSION`, or what is wrong. */
  readonly docker: {
    readonly state: 'ok' | 'missing' | 'silent' | 'denied' | 'failed';
    readonly version: string | null;
  };
  /** null: none. */
  readonly compose: string | null;
  readonly tools: ReadonlyMap<string, boolean>;
  readonly http: 'curl' | 'wget' | 'nc' | 'none';
  readonly root: {
    readonly state: 'ok' | 'absent' | 'impossible' | 'unwritable' | 'symlink';
    readonly path: string | null;
  };
  readonly worktree: boolean;
  /** KiB; null: not told. */
  readonly diskKib: number | null;
  readonly session: { readonly ends: 'kills' | 'keeps' | 'unknown'; readonly linger: boolean };
  /** By the number of the question, from 1. */
  /** Of a file and of its folder. */
  readonly files: ReadonlyMap<number, readonly FileAnswer[]>;
  readonly hostFiles: ReadonlyMap<number, 'ok' | 'absent' | 'unreadable' | 'is-folder'>;
  readonly dotenvs: ReadonlyMap<number, boolean>;
}

/** Lines of each form. A path is the rest of its line; one that holds a newline was never asked about. */
const FORMS = {
  user: /^user ([A-Za-z0-9_][A-Za-z0-9._@-]{0,63}\$?)$/,
  uid: /^uid (\d{1,10})$/,
  now: /^now (\d{9,11})$/,
  docker: /^docker (?:(ok) ([0-9A-Za-z.+~_-]{1,64})|(missing|silent|denied|failed))$/,
  compose: /^compose (?:(missing)|v?([0-9A-Za-z.+~_-]{1,64}))$/,
  tool: /^tool ([a-z0-9]{1,20}) (yes|no)$/,
  http: /^http (curl|wget|nc|none)$/,
  root: /^root (ok|absent|symlink|(?:impossible|unwritable) (\/.{0,4096}))$/,
  worktree: /^worktree yes$/,
  disk: /^disk (\d{1,18})$/,
  session: /^session (kills|keeps|unknown) (yes|no)$/,
  file: /^file (\d{1,6}) (?:(ok|unknown)|(folder|is-folder|owner|filesystem) (\/.{0,4096}))$/,
  hostfile: /^hostfile (\d{1,6}) (ok|absent|unreadable|is-folder)$/,
  dotenv: /^dotenv (\d{1,6}) (present|absent)$/,
} as const;

/** @throws PlatformError PCTL-HOST-ANSWER (7): a line that is none of these, or one that had to be there is not */
export function parseAnswer(text: string, host: string): HostAnswer {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.pop() !== 'done') throw unreadable(host, 'the answer is not whole');
  const once = new Map<string, RegExpExecArray>();
  const tools = new Map<string, boolean>();
  const files = new Map<number, FileAnswer[]>();
  const hostFiles = new Map<number, 'ok' | 'absent' | 'unreadable' | 'is-folder'>();
  const dotenvs = new Map<number, boolean>();
  for (const line of lines) {
    const word = line.split(' ', 1)[0] as string;
    const match = Object.hasOwn(FORMS, word) ? FORMS[word as keyof typeof FORMS].exec(line) : null;
    if (match === null) throw unreadable(host, `it said ${JSON.stringify(line.slice(0, 80))}`);
    if (word === 'tool') tools.set(match[1] as string, match[2] === 'yes');
    else if (word === 'file') {
      const state = (match[2] ?? match[3]) as FileAnswer['state'];
      const path = match[4] === undefined ? null : visible(match[4]);
      files.set(Number(match[1]), [...(files.get(Number(match[1])) ?? []), { state, path }]);
    } else if (word === 'hostfile') hostFiles.set(Number(match[1]), match[2] as 'ok');
    else if (word === 'dotenv') dotenvs.set(Number(match[1]), match[2] === 'present');
    else once.set(word, match);
  }
  const one = (word: string, group: number): string => {
    const value = once.get(word)?.[group];
    if (value === undefined) throw unreadable(host, `it did not say ${word}`);
    return value;
  };
  const root = one('root', 1);
  return {
    user: one('user', 1),
    uid: Number(one('uid', 1)),
    now: Number(one('now', 1)),
    docker: { state: (once.get('docker')?.[1] ?? one('docker', 3)) as 'ok', version: once.get('docker')?.[2] ?? null },
    compose: once.get('compose')?.[2] ?? null,
    tools,
    http: one('http', 1) as 'curl',
    root: {
      state: root.split(' ', 1)[0] as 'ok',
      path: once.get('root')?.[2] === undefined ? null : visible(one('root', 2)),
    },
    worktree: once.has('worktree'),
    diskKib: once.has('disk') ? Number(one('disk', 1)) : null,
    session: { ends: one('session', 1) as 'kills', linger: one('session', 2) === 'yes' },
    files,
    hostFiles,
    dotenvs,
  };
}

function unreadable(host: string, why: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-HOST-ANSWER',
    exit: EXIT_REMOTE_FAILED,
    summary: `${host}: what host check was answered cannot be understood`,
    where: { host, step: 'host check' },
    why,
    hint: 'does a start-up file of the login shell (.bashrc, .profile) print something?',
  });
}
