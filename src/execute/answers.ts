/** Answers of talk.sh as values: the shape of every one is checked, for it comes from outside. */
import { PlatformError } from '../errors.js';
import { EXIT_REMOTE_FAILED } from '../exits.js';
import type { Container, Engine, FileSeen } from '../plan/observation.js';
import { composeSaid } from './compose-said.js';
import { type Answer, decode } from './protocol.js';

/** What `lock` answers where somebody else holds one. */
export const BUSY = 75;

export interface HeldLock {
  readonly name: string;
  readonly state: 'held' | 'finishing';
  /** The holder's JSON text, checked by whoever reads it. */
  readonly holder: string;
}

export const failure = (host: string, code: string, summary: string, why: string, hint?: string): PlatformError =>
  new PlatformError({
    code,
    exit: EXIT_REMOTE_FAILED,
    summary,
    where: { host, step: 'observe' },
    why,
    ...(hint ? { hint } : {}),
  });

/** An answer that the host could give: what it could not tell is no fact. @throws PlatformError PCTL-HOST-ANSWER (7) */
export function told(answer: Answer, host: string, what: string): Answer {
  if (answer.code === 0) return answer;
  throw failure(
    host,
    'PCTL-HOST-ANSWER',
    `${host} could not tell ${what}`,
    answer.err,
    `is the disk full there? platformctl host check ${host}`,
  );
}

/** An answer of compose, which says why it refuses a file: one that fails without a word was killed, or had no room for it. @throws PlatformError PCTL-HOST-ANSWER (7) */
export const spoken = (answer: Answer, host: string): Answer =>
  answer.err.trim() === '' ? told(answer, host, 'what compose makes of a file') : answer;

/** The lines of an answer, none for an empty one. */
export const lines = (answer: Answer): string[] => {
  const text = decode(answer.out);
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
};

export function readEngine(answer: Answer, host: string): Engine {
  const facts = new Map<string, string>();
  const missing: string[] = [];
  for (const line of lines(answer)) {
    const at = line.indexOf(' ');
    if (line.startsWith('missing ')) missing.push(line.slice(at + 1));
    else if (at > 0) facts.set(line.slice(0, at), line.slice(at + 1));
  }
  if (missing.length > 0)
    throw failure(
      host,
      'PCTL-HOST-TOOL',
      `${missing.join(', ')} missing on ${host}`,
      'the host side needs coreutils and util-linux',
      'install them there',
    );
  if (answer.code === 21)
    throw failure(
      host,
      'PCTL-HOST-DOCKER',
      `docker does not answer on ${host}`,
      answer.err,
      `is the agent in group docker there? platformctl host check ${host}`,
    );
  if (answer.code === 22)
    throw failure(
      host,
      'PCTL-HOST-COMPOSE',
      `docker compose v2 does not answer on ${host}`,
      answer.err,
      'install the compose plugin there',
    );
  const [engineVersion = '', dataRoot = ''] = (facts.get('engine') ?? '').split(' ');
  const http = facts.get('http');
  const engine: Engine = {
    realRoot: facts.get('root') ?? '',
    uid: Number(facts.get('uid')),
    user: facts.get('user') ?? '',
    now: Number(facts.get('now')),
    engineVersion,
    dataRoot,
    composeVersion: facts.get('compose') ?? '',
    socketGroup: facts.get('socketgroup') ?? null,
    http: http === 'curl' || http === 'wget' || http === 'nc' ? http : 'none',
    workTree: facts.get('worktree') ?? null,
  };
  if (
    answer.code !== 0 ||
    !Number.isSafeInteger(engine.uid) ||
    !Number.isSafeInteger(engine.now) ||
    !/^[0-9A-Za-z.+~_-]{1,64}$/.test(engine.composeVersion)
  ) {
    throw failure(host, 'PCTL-HOST-ANSWER', `${host} did not say what it is`, answer.err);
  }
  return engine;
}

const nullable = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

function readContainer(line: string, host: string): Container {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    row = null;
  }
  if (
    !Array.isArray(row) ||
    row.length !== 15 ||
    !/^[0-9a-f]{64}$/.test(String(row[0])) ||
    !/^sha256:[0-9a-f]{64}$/.test(String(row[1]))
  ) {
    throw failure(
      host,
      'PCTL-HOST-ANSWER',
      `docker on ${host} described a container in an unknown way`,
      JSON.stringify(line.slice(0, 200)),
    );
  }
  const text = (at: number): string => String(row[at] ?? '').slice(0, 4096);
  return {
    id: text(0),
    image: text(1),
    project: nullable(row[2]),
    service: nullable(row[3]),
    configHash: nullable(row[4]),
    state: text(5),
    health: nullable(row[6]),
    restarts: Number.isSafeInteger(row[7]) ? row[7] : 0,
    exitCode: Number.isSafeInteger(row[8]) ? row[8] : 0,
    name: text(9).replace(/^\//, ''),
    networkMode: text(10),
    pidMode: text(11),
    ipcMode: text(12),
    startedAt: text(13),
  };
}

export function readContainers(answer: Answer, host: string): Container[] {
  if (answer.code !== 0)
    throw failure(host, 'PCTL-HOST-DOCKER', `docker on ${host} did not list containers`, answer.err);
  return lines(answer).map((line) => readContainer(line, host));
}

/** `service hash` lines of `config --hash '*'`. */
export function readHashes(answer: Answer): ReadonlyMap<string, string> | { why: string } {
  if (answer.code !== 0) return { why: composeSaid(answer.err) };
  const hashes = new Map<string, string>();
  for (const line of lines(answer)) {
    const match = /^(\S+) ([0-9a-f]{64})$/.exec(line);
    if (match) hashes.set(match[1] as string, match[2] as string);
  }
  return hashes;
}

/** Of `held`, and of a `lock` that was refused. */
export function readHeld(answer: Answer, host: string): HeldLock[] {
  if (answer.code !== BUSY) told(answer, host, 'which locks are held');
  const held: HeldLock[] = [];
  for (const line of lines(answer)) {
    const match = /^(held|finishing) (\S+) ?(.*)$/.exec(line);
    if (match)
      held.push({ state: match[1] as HeldLock['state'], name: match[2] as string, holder: match[3] as string });
  }
  return held;
}

const KINDS = new Set(['absent', 'file', 'folder', 'symlink', 'other', 'outside', 'unreadable']);

const DIGEST = /^[0-9a-f]{64}$/;

export function readFiles(answer: Answer, paths: readonly string[], host: string): Map<string, FileSeen> {
  const found = lines(answer);
  if (answer.code !== 0 || found.length !== paths.length) {
    throw failure(
      host,
      'PCTL-HOST-FILES',
      `files could not be read on ${host}`,
      answer.err || 'not as many answers as questions',
    );
  }
  return new Map(
    paths.map((path, index) => {
      const [kind = '', mode = '-', uid = '-', digest = '-', keyed = '-'] = (found[index] as string).split(' ');
      if (!KINDS.has(kind))
        throw failure(host, 'PCTL-HOST-ANSWER', `${host} described ${path} in an unknown way`, kind);
      return [
        path,
        {
          kind: kind as FileSeen['kind'],
          mode: /^[0-7]{1,4}$/.test(mode) ? mode.padStart(4, '0') : null,
          uid: /^[0-9]{1,10}$/.test(uid) ? Number(uid) : null,
          digest: DIGEST.test(digest) ? digest : null,
          keyed: DIGEST.test(keyed) ? keyed : null,
        },
      ];
    }),
  );
}

export function readJson(answer: Answer): unknown {
  if (answer.code !== 0) return { why: composeSaid(answer.err) };
  try {
    return JSON.parse(decode(answer.out));
  } catch {
    return { why: 'compose printed no JSON' };
  }
}

/** `ID BYTES` lines, each followed by so many bytes. */
export function readStatuses(answer: Answer, host: string): Map<string, Uint8Array> {
  told(answer, host, 'its status documents');
  const statuses = new Map<string, Uint8Array>();
  let at = 0;
  while (at < answer.out.length) {
    const end = answer.out.indexOf(10, at);
    const match = /^([A-Za-z0-9_-]{1,63}) ([0-9]{1,8})$/.exec(end < 0 ? '' : decode(answer.out.subarray(at, end)));
    if (!match) throw failure(host, 'PCTL-HOST-ANSWER', `${host} listed its status documents in an unknown way`, '');
    const size = Number(match[2]);
    statuses.set(match[1] as string, answer.out.subarray(end + 1, end + 1 + size));
    at = end + 1 + size;
  }
  return statuses;
}
