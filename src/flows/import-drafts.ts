/** From a project that was found to the files that would bring it into the repo. Pure. */
import { parseCompose } from '../compose/file.js';
import type { ComposeFile } from '../compose/model.js';
import { references } from '../compose/references.js';
import { member } from '../compose/values.js';
import type { RemoteFile } from '../execute/import.js';
import { folderOf } from '../manifest/paths.js';
import { inRepo } from '../plan/files.js';
import { quote } from '../quote.js';
import { visibleLine } from '../secret/controls.js';
import { plainSecrets } from '../secret/plain.js';
import { fateOf, fromFolder, linesText, type NamedFile, namedFiles } from './import-files.js';
import type { NewFile } from './import-judge.js';
import { type FoundProject, type Obstacle, type Roots, repoFlaw } from './import-projects.js';

/** A project whose compose file could be read, before its other files were looked at. */
export interface Sketch {
  readonly project: string;
  readonly composeFile: string;
  readonly compose: ComposeFile;
  readonly bytes: Uint8Array;
  readonly services: readonly { readonly name: string; readonly image: string; readonly job: boolean }[];
  readonly named: readonly NamedFile[];
}

/** What becomes of a sketch: files for the checkout, and for each service the files that stay on the host. */
export interface Draft {
  readonly sketch: Sketch;
  /** By repo path; the compose file is one of them. */
  readonly files: ReadonlyMap<string, NewFile>;
  readonly hostFiles: ReadonlyMap<string, readonly string[]>;
  /** By service: host files that the agent cannot read, so that no plan can be made. */
  readonly unreadable: ReadonlyMap<string, readonly string[]>;
  /** Lines for the reader of stack.yaml. */
  readonly notes: readonly string[];
  /** What to look at before anything is committed. */
  readonly warnings: readonly string[];
}

/** Notes on single files before the rest is counted. */
const MAX_NOTES = 20;

/** @param services names of those that the repo does not have yet */
export function sketchOf(
  found: FoundProject,
  services: readonly string[],
  seen: RemoteFile,
  roots: Roots,
): Sketch | Obstacle {
  const full = `${roots.host.remoteRoot}/${found.composeFile}`;
  if (seen.kind !== 'file' || seen.bytes === null) return unreadable(full, seen);
  const parsed = parseCompose(seen.bytes, inRepo(roots.host, found.composeFile));
  if (!parsed.ok) {
    const [first] = parsed.problems;
    return {
      why: first ? `line ${first.line}: ${first.message}` : 'its compose file cannot be read',
      fix: first?.hint ?? null,
    };
  }
  const present = found.services.filter(({ name }) => services.includes(name) && parsed.file.services.has(name));
  if (present.length === 0) return { why: `${full} has none of its services any more`, fix: null };
  const named = namedFiles(
    parsed.file,
    present.map(({ name }) => name),
    found.composeFile,
    roots,
  );
  if (named === null) return { why: 'its compose file names more files than anybody has', fix: null };
  return {
    project: found.project,
    composeFile: found.composeFile,
    compose: parsed.file,
    bytes: seen.bytes,
    services: present.map(({ name, image, ended }) => ({ name, image, job: ended && isJob(parsed.file, name) })),
    named: named.filter(({ path }) => repoFlaw(path, roots.host) === null),
  };
}

/** Compose does not start it again, and nobody is served by it: what ended well is what it was for. */
function isJob(compose: ComposeFile, service: string): boolean {
  const { restart, hasHealthcheck } = references(compose, service);
  const definition = compose.services.get(service) ?? {};
  const serves = hasHealthcheck || ['ports', 'expose'].some((key) => member(definition, key) != null);
  return !serves && (restart === null || restart === 'no' || restart === 'false');
}

function unreadable(path: string, seen: RemoteFile): Obstacle {
  const chmod = `as root there: chmod 0644 ${quote(path)}`;
  switch (seen.kind) {
    case 'private':
    case 'unreadable':
      return {
        why: `${path} has the mode ${seen.mode}: it is not for everybody to read, as a file in git is`,
        fix: chmod,
      };
    case 'symlink':
    case 'outside':
      return {
        why: `${path} is a symlink, or lies behind one that leads out of remote_root`,
        fix: 'put the real file there',
      };
    case 'absent':
    case 'hidden':
      return { why: `${path} is not there, or in a folder that the agent may not enter`, fix: null };
    case 'large':
      return { why: `${path} has ${seen.size} bytes: that is no compose file`, fix: null };
    default:
      return { why: `${path} is no file`, fix: null };
  }
}

/** @param repoHas whether the checkout has a file at this place */
export function draftOf(
  sketch: Sketch,
  seen: ReadonlyMap<string, RemoteFile>,
  { host }: Roots,
  repoHas: (path: string) => boolean,
): Draft {
  const folder = folderOf(sketch.composeFile);
  const composeFile = inRepo(host, sketch.composeFile);
  const files = new Map<string, NewFile>([[composeFile, { bytes: sketch.bytes, executable: false }]]);
  const hostFiles = new Map<string, string[]>(sketch.services.map(({ name }) => [name, []]));
  const unreadable = new Map<string, string[]>(sketch.services.map(({ name }) => [name, []]));
  const left: string[] = [];
  const secret: string[] = [];
  for (const named of sketch.named) {
    const found = seen.get(named.path) ?? { kind: 'absent' };
    const repoPath = inRepo(host, named.path);
    const fate = fateOf(named, found, repoHas(repoPath));
    if (fate.fate === 'copy') {
      files.set(repoPath, { bytes: fate.bytes, executable: executable(fate.mode) });
    } else if (fate.fate === 'host file') {
      if (fate.why !== null) secret.push(`  ${fromFolder(folder, named.path)}: ${fate.why}`);
      for (const service of named.services) {
        hostFiles.get(service)?.push(fromFolder(folder, named.path));
        if (found.kind === 'unreadable') unreadable.get(service)?.push(`${host.remoteRoot}/${named.path}`);
      }
    } else if (fate.why !== null) left.push(`  ${fromFolder(folder, named.path)}: ${fate.why}`);
  }
  const idle = [...sketch.compose.services.keys()].filter((name) => !sketch.services.some((one) => one.name === name));
  const jobs = sketch.services.filter(({ job }) => job).map(({ name }) => name);
  const notes = [
    ...(jobs.length > 0
      ? [`Had ended with 0, so taken for a job: ${jobs.slice(0, MAX_NOTES).join(', ')}. Remove smoke.exits of a server`]
      : []),
    ...listed("Left on the host as the service's own data:", left),
    ...listed('Left on the host as host_files, for by their look they hold a secret:', secret),
    ...(idle.length > 0
      ? [`Not in this stack, for they have no container: ${idle.slice(0, MAX_NOTES).join(', ')}`]
      : []),
  ];
  const plain = plainSecrets(sketch.bytes);
  const warnings =
    plain.length > 0
      ? [
          `${composeFile}, ${linesText(plain)}: a secret in plain, by its look. Before you commit: on the host put it into the .env beside that file and \${NAME} in its place, remove the file here, and import again`,
        ]
      : [];
  return { sketch, files, hostFiles, unreadable, notes: notes.map((note) => visibleLine(note)), warnings };
}

function listed(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > MAX_NOTES ? [`  and ${lines.length - MAX_NOTES} more`] : [];
  return [title, ...lines.slice(0, MAX_NOTES), ...more];
}

/** By the owner's bit, as git has it. */
const executable = (mode: string): boolean => (Number.parseInt(mode, 8) & 0o100) !== 0;

/** Images whose data is the point of them: a recreate of one wants a signature of its own. By the last part of the name, so exporters and admin pages are none. */
const DATABASES = new Set(
  `arangodb cassandra clickhouse clickhouse-server cockroach couchdb couchbase cratedb db2 edgedb elasticsearch eventstore ferretdb firebird immudb influxdb
  mariadb meilisearch milvus mongo mongodb mongodb-community-server mssql mysql mysql-server neo4j opensearch oracle orientdb percona percona-server pgvecto-rs
  pgvector postgis postgres postgresql postgresql-repmgr qdrant questdb rethinkdb scylla surrealdb tidb timescaledb timescaledb-ha typesense vchord-postgres
  vchord-suite victoria-metrics weaviate yugabyte`.split(/\s+/),
);

export function isDatabase(image: string): boolean {
  const [name = ''] = image.toLowerCase().split('@');
  const parts = name.split('/');
  const last = (parts.at(-1) ?? '').replace(/:.*$/, '');
  return DATABASES.has(last) || parts.includes('mssql');
}
