/** What import.sh is asked and what it said, as values. The host may be hostile: whatever is not of its form, or more than anybody has, is refused. */
import { importProgram } from '../host/programs.js';
import type { Host, Limit } from '../ports.js';
import { failure } from './answers.js';

/** Bytes of one file that is brought into the checkout; larger ones stay on the host. */
const IMPORT_MAX_BYTES = 1024 * 1024 - 1;
/** Files asked about in one round trip: as base64 they stay below what one answer may be. */
const BATCH = 40;
const MAX_CONTAINERS = 5_000;
/** Characters of one label. */
const MAX_LABEL = 16_384;
const MAX_PATH = 4_096;

const LIMIT: Limit = { ms: 180_000, step: 'import' };

/** A container that compose made. Labels as they stand, '' where there is none. */
export interface ComposeContainer {
  readonly id: string;
  readonly project: string;
  readonly service: string;
  readonly configFiles: string;
  readonly workingDir: string;
  readonly environmentFile: string;
  readonly state: string;
  readonly exitCode: number;
  readonly image: string;
}

export type RemoteFile =
  | { readonly kind: 'file'; readonly mode: string; readonly size: number; readonly bytes: Uint8Array | null }
  | { readonly kind: 'unreadable' | 'large' | 'private'; readonly mode: string; readonly size: number }
  | { readonly kind: 'outside' | 'symlink' | 'hidden' | 'absent' | 'folder' | 'other' };

/** `read`: its bytes are asked for, where everybody on the host may read them. */
export interface Question {
  readonly path: string;
  readonly read: boolean;
}

/** @throws PlatformError PCTL-HOST-ROOT, PCTL-HOST-DOCKER, PCTL-HOST-ANSWER (7) */
export async function composeContainers(
  host: Host,
  root: string,
): Promise<{ realRoot: string; containers: ComposeContainer[] }> {
  const { realRoot, lines } = await ask(host, root, 'containers\n');
  if (lines.pop() !== '.') throw garbled(host, 'the list of containers has no end');
  if (lines.length > MAX_CONTAINERS) throw garbled(host, `it told of more than ${MAX_CONTAINERS} containers`);
  return { realRoot, containers: lines.map((line) => readContainer(host, line)) };
}

/** Paths beneath remote_root, without line breaks. One round trip for every 40 of them. */
export async function remoteFiles(
  host: Host,
  root: string,
  questions: readonly Question[],
): Promise<Map<string, RemoteFile>> {
  const found = new Map<string, RemoteFile>();
  for (let at = 0; at < questions.length; at += BATCH) {
    const some = questions.slice(at, at + BATCH);
    const input = some.map(({ path, read }) => `${read ? 'read' : 'look'} ${path}\n`).join('');
    const { lines } = await ask(host, root, input);
    if (lines.length !== some.length) throw garbled(host, 'it answered another number of questions');
    for (const [index, { path, read }] of some.entries()) found.set(path, readFile(host, lines[index] ?? '', read));
  }
  return found;
}

async function ask(host: Host, root: string, input: string): Promise<{ realRoot: string; lines: string[] }> {
  const program = { name: 'import', text: importProgram, args: [root, `${IMPORT_MAX_BYTES}`] };
  const { stdout, stderr, code } = await host.run(program, new TextEncoder().encode(input), LIMIT);
  if (code === 21) {
    const hint = `is the agent in group docker there? platformctl host check ${host.name}`;
    const said = new TextDecoder().decode(stderr);
    throw failure(host.name, 'PCTL-HOST-DOCKER', `docker does not answer on ${host.name}`, said, hint);
  }
  const lines = new TextDecoder().decode(stdout).replace(/\n$/, '').split('\n');
  const head = /^root (-|\/.*)$/.exec(lines.shift() ?? '')?.[1];
  if (head === '-') {
    const hint = `remote_root of ${host.name} in .platform/config.yaml is the folder that the stacks lie in, /opt/stacks`;
    throw failure(host.name, 'PCTL-HOST-ROOT', `${root} is not there on ${host.name}`, 'nothing was read', hint);
  }
  if (head === undefined || head.length > MAX_PATH || lines.pop() !== 'done')
    throw garbled(host, 'its answer is not whole');
  return { realRoot: head, lines };
}

function readContainer(host: Host, line: string): ComposeContainer {
  let row: unknown = null;
  try {
    row = JSON.parse(line);
  } catch {
    // Refused below.
  }
  const text = (at: number): string => {
    // A label that is not there is null.
    const value = Array.isArray(row) ? (row[at] ?? '') : undefined;
    if (typeof value !== 'string' || value.length > MAX_LABEL)
      throw garbled(host, 'it described a container in an unknown way');
    return value;
  };
  const id = text(0);
  const exitCode = Array.isArray(row) && row.length === 9 ? row[7] : undefined;
  if (!/^[0-9a-f]{64}$/.test(id) || !Number.isSafeInteger(exitCode))
    throw garbled(host, 'it described a container in an unknown way');
  return {
    id,
    project: text(1),
    service: text(2),
    configFiles: text(3),
    workingDir: text(4),
    environmentFile: text(5),
    state: text(6),
    exitCode,
    image: text(8),
  };
}

const FILE = /^(file|unreadable|large|private) ([0-7]{1,4}) (\d{1,15})(?: ([A-Za-z0-9+/]*={0,2}))?$/;
const OTHER = /^(outside|symlink|hidden|absent|folder|other) - -$/;

function readFile(host: Host, line: string, read: boolean): RemoteFile {
  const kind = OTHER.exec(line)?.[1];
  if (kind !== undefined) return { kind: kind as 'absent' };
  const match = FILE.exec(line);
  if (!match) throw garbled(host, 'it described a file in an unknown way');
  const [, word, mode = '', digits, encoded] = match;
  const size = Number(digits);
  if (word !== 'file') return { kind: word as 'large', mode, size };
  if (!read) return { kind: 'file', mode, size, bytes: null };
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (encoded === undefined || size > IMPORT_MAX_BYTES) throw garbled(host, 'it described a file in an unknown way');
  // It was written to while it was read.
  if (bytes.length > IMPORT_MAX_BYTES) return { kind: 'large', mode, size: bytes.length };
  return { kind: 'file', mode, size: bytes.length, bytes };
}

const garbled = (host: Host, why: string) =>
  failure(
    host.name,
    'PCTL-HOST-ANSWER',
    `${host.name}: what import was answered cannot be understood`,
    why,
    'does a start-up file of the login shell (.bashrc, .profile) print something?',
  );
