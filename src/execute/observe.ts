/** Observing a host (P-5): a constant number of round trips, whatever the number of modules. Asks, checks the shape of every answer, returns values. */
import { PlatformError } from '../errors.js';
import { EXIT_REMOTE_FAILED } from '../exits.js';
import type { Container, Engine, FileSeen } from '../plan/observation.js';
import type { Limit } from '../ports.js';
import { type Answer, decode, type Exchange, type Message, message, put } from './protocol.js';

/** One compose file as one project under one set of variables; its hashes are asked for once. */
export interface ComposeGroup {
  readonly key: string;
  readonly project: string;
  /** The compose file's folder beneath remote_root, '.' for the root. */
  readonly folder: string;
  readonly env: 'none' | 'real' | { readonly bytes: Uint8Array };
  readonly file: Uint8Array;
  /** null: nothing to resolve (no service passed the text rules). */
  readonly skeleton: string | null;
}

export interface FirstRound {
  readonly engine: Engine;
  /** Raw status documents of every module that the host has one of. */
  readonly statuses: ReadonlyMap<string, Uint8Array>;
  readonly containers: readonly Container[];
  readonly hashes: ReadonlyMap<string, ReadonlyMap<string, string> | { readonly why: string }>;
  readonly skeletons: ReadonlyMap<string, unknown | { readonly why: string }>;
  /** Module locks that are held. */
  readonly held: readonly HeldLock[];
}

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

const lines = (answer: Answer): string[] => {
  const text = decode(answer.out);
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
};

function readEngine(answer: Answer, host: string): Engine {
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
  if (answer.code !== 0) return { why: answer.err.trim() };
  const hashes = new Map<string, string>();
  for (const line of lines(answer)) {
    const match = /^(\S+) ([0-9a-f]{64})$/.exec(line);
    if (match) hashes.set(match[1] as string, match[2] as string);
  }
  return hashes;
}

export function readHeld(answer: Answer): HeldLock[] {
  const held: HeldLock[] = [];
  for (const line of lines(answer)) {
    const match = /^(held|finishing) (\S+) ?(.*)$/.exec(line);
    if (match)
      held.push({ state: match[1] as HeldLock['state'], name: match[2] as string, holder: match[3] as string });
  }
  return held;
}

const KINDS = new Set(['absent', 'file', 'folder', 'symlink', 'other', 'outside', 'unreadable']);

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
      const [kind = '', mode = '-', uid = '-', digest = '-'] = (found[index] as string).split(' ');
      if (!KINDS.has(kind))
        throw failure(host, 'PCTL-HOST-ANSWER', `${host} described ${path} in an unknown way`, kind);
      return [
        path,
        {
          kind: kind as FileSeen['kind'],
          mode: /^[0-7]{1,4}$/.test(mode) ? mode.padStart(4, '0') : null,
          uid: /^[0-9]{1,10}$/.test(uid) ? Number(uid) : null,
          digest: /^[0-9a-f]{64}$/.test(digest) ? digest : null,
        },
      ];
    }),
  );
}

const envArgument = (group: ComposeGroup, index: number): string =>
  typeof group.env === 'string' ? group.env : `env.${index}`;

/** One round trip (no groups: every container that compose made): what the host is, statuses, containers of the projects, and what its compose makes of the commit's files. */
export async function firstRound(
  exchange: Exchange,
  host: string,
  groups: readonly ComposeGroup[],
  limit: Limit,
): Promise<FirstRound> {
  const messages: Message[] = [
    message('hello'),
    message('allstatus'),
    message('held'),
    message('containers', ...(groups.length === 0 ? ['*'] : new Set(groups.map((group) => group.project)))),
  ];
  const head = messages.length;
  const at: { hash: number; resolve: number | null }[] = [];
  groups.forEach((group, index) => {
    messages.push(...put(`compose.${index}`, group.file));
    if (typeof group.env === 'object') messages.push(...put(`env.${index}`, group.env.bytes));
    const place = { hash: messages.length, resolve: null as number | null };
    messages.push(message('hash', group.folder, group.project, envArgument(group, index), `compose.${index}`));
    if (group.skeleton !== null) {
      messages.push(...put(`skeleton.${index}`, new TextEncoder().encode(group.skeleton)));
      place.resolve = messages.length;
      messages.push(message('resolve', group.folder, group.project, envArgument(group, index), `skeleton.${index}`));
    }
    at.push(place);
  });
  const answers = await exchange(messages, limit);
  const answer = (index: number): Answer => answers[index] as Answer;
  const engine = readEngine(answer(0), host);
  const hashes = new Map<string, ReadonlyMap<string, string> | { why: string }>();
  const skeletons = new Map<string, unknown | { why: string }>();
  groups.forEach((group, index) => {
    const place = at[index] as { hash: number; resolve: number | null };
    hashes.set(group.key, readHashes(answer(place.hash)));
    if (place.resolve !== null) skeletons.set(group.key, readJson(answer(place.resolve)));
  });
  return {
    engine,
    statuses: readStatuses(answer(1), host),
    held: readHeld(answer(2)),
    containers: readContainers(answer(head - 1), host),
    hashes,
    skeletons,
  };
}

function readJson(answer: Answer): unknown {
  if (answer.code !== 0) return { why: answer.err.trim() };
  try {
    return JSON.parse(decode(answer.out));
  } catch {
    return { why: 'compose printed no JSON' };
  }
}

/** `ID BYTES` lines, each followed by so many bytes. */
function readStatuses(answer: Answer, host: string): Map<string, Uint8Array> {
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

/** What the second round asks about one module, once the first told what its values are. */
export interface Questions {
  readonly group: ComposeGroup;
  readonly files: readonly string[];
  readonly hostFiles: readonly string[];
  readonly image: string;
  /** The digest whose release is compared with, null where there is nothing to compare. */
  readonly release: { readonly module: string; readonly digest: string; readonly composeFile: string } | null;
  /** The service, where P-13 has to be decided. */
  readonly labelOf: string | null;
  /** Absolute paths outside of remote_root to follow. */
  readonly binds: readonly string[];
  readonly containerName: string | null;
  /** The `.env` that lives on the host only. */
  readonly dotenv: string | null;
}

export interface Answers {
  readonly files: ReadonlyMap<string, FileSeen>;
  readonly imageId: string | null;
  readonly release: {
    readonly compose: Uint8Array;
    readonly hashes: ReadonlyMap<string, string> | { readonly why: string };
  } | null;
  readonly labelHash: string | null;
  readonly binds: ReadonlyMap<string, { readonly kind: string; readonly path: string }>;
  /** `project/service` of a container that has the name already. */
  readonly named: string | null;
  /** `COMPOSE_*` and `DOCKER_*` names in the host's `.env`. */
  readonly steering: readonly string[];
}

export async function secondRound(
  exchange: Exchange,
  host: string,
  questions: readonly Questions[],
  limit: Limit,
): Promise<Answers[]> {
  const messages: Message[] = [];
  const ask = (one: Message): number => messages.push(one) - 1;
  const places = questions.map((question, index) => {
    const { group, release } = question;
    let env: string = typeof group.env === 'string' ? group.env : `env.${index}`;
    if (typeof group.env === 'object') messages.push(...put(env, group.env.bytes));
    else env = group.env;
    let label: number | null = null;
    if (question.labelOf !== null) {
      messages.push(...put(`compose.${index}`, group.file));
      label = ask(message('labelhash', group.folder, group.project, env, `compose.${index}`, question.labelOf));
    }
    const kept = release ? `releases/${release.module}/${release.digest}/tree/${release.composeFile}` : '';
    return {
      files: ask(message('files', ...question.files)),
      keyed: ask(message('keyed', ...question.hostFiles)),
      image: ask(message('images', question.image)),
      real: ask(message('real', ...question.binds)),
      named: question.containerName === null ? null : ask(message('named', question.containerName)),
      steering: question.dotenv === null ? null : ask(message('steering', question.dotenv)),
      compose: release ? ask(message('get', kept)) : null,
      hash: release ? ask(message('hash', group.folder, group.project, env, `ours/${kept}`)) : null,
      label,
    };
  });
  const answers = await exchange(messages, limit);
  const answer = (index: number): Answer => answers[index] as Answer;
  return places.map((place, index) => {
    const question = questions[index] as Questions;
    const image = decode(answer(place.image).out).trim();
    const label = place.label === null ? null : readHashes(answer(place.label));
    const real = lines(answer(place.real));
    return {
      files: new Map([
        ...readFiles(answer(place.files), question.files, host),
        ...readFiles(answer(place.keyed), question.hostFiles, host),
      ]),
      imageId: /^sha256:[0-9a-f]{64}$/.test(image) ? image : null,
      release:
        place.compose !== null && place.hash !== null && answer(place.compose).out.length > 0
          ? { compose: answer(place.compose).out, hashes: readHashes(answer(place.hash)) }
          : null,
      labelHash: label instanceof Map && question.labelOf !== null ? (label.get(question.labelOf) ?? null) : null,
      binds: new Map(
        question.binds.map((path, at) => {
          const line = real[at] ?? 'absent ';
          const space = line.indexOf(' ');
          return [path, { kind: line.slice(0, space), path: line.slice(space + 1) }];
        }),
      ),
      named: place.named === null ? null : (lines(answer(place.named)).find((line) => line !== '.') ?? null),
      steering: place.steering === null ? [] : lines(answer(place.steering)),
    };
  });
}
