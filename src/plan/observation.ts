/** What was seen on a host, as values: filled by execute/observe, judged here. Everything comes from outside and was shape-checked on the way in. */
import type { ComposeFile, Json } from '../compose/model.js';
import type { Status } from '../manifest/types.js';

export interface Engine {
  /** Where remote_root leads once links are followed. */
  readonly realRoot: string;
  readonly uid: number;
  readonly user: string;
  /** Seconds since 1970 on the host. */
  readonly now: number;
  readonly engineVersion: string;
  readonly dataRoot: string;
  readonly composeVersion: string;
  /** The group of the engine's socket: whoever is in it is root (G-7 `group_add`). */
  readonly socketGroup: string | null;
  readonly http: 'curl' | 'wget' | 'nc' | 'none';
  /** The git work tree that remote_root lies in, null where it is in none. */
  readonly workTree: string | null;
}

export interface Container {
  readonly id: string;
  /** `sha256:...` */
  readonly image: string;
  readonly project: string | null;
  readonly service: string | null;
  readonly configHash: string | null;
  readonly state: string;
  readonly health: string | null;
  readonly restarts: number;
  readonly exitCode: number;
  /** Without the leading slash. */
  readonly name: string;
  readonly networkMode: string;
  readonly pidMode: string;
  readonly ipcMode: string;
  readonly startedAt: string;
}

export interface FileSeen {
  readonly kind: 'absent' | 'file' | 'folder' | 'symlink' | 'other' | 'outside' | 'unreadable';
  /** Octal digits, four. */
  readonly mode: string | null;
  readonly uid: number | null;
  /** SHA-256, keyed for host files. */
  readonly digest: string | null;
  /** Of what may be a commit's: the keyed digest too, for bytes that turn out to be nobody's but the host's. */
  readonly keyed: string | null;
}

/** Whether a file has these bytes, told by the one or the other of its digests. */
export const hasDigest = (seen: FileSeen, digest: string | null): boolean =>
  seen.digest === digest || (seen.keyed !== null && seen.keyed === digest);

export const ABSENT: FileSeen = { kind: 'absent', mode: null, uid: null, digest: null, keyed: null };

/** An answer of the host's compose, or the end of what it said instead. */
export type ComposeAnswer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

/** Of one module on its host. */
export interface Observation {
  readonly engine: Engine;
  readonly status: Status | null;
  /** Of the service, oldest first. */
  readonly containers: readonly Container[];
  /** Of the whole project. */
  readonly projectContainers: readonly Container[];
  /** By path beneath remote_root: all files of the plan, host files, mount sources, and what the last apply delivered. */
  readonly files: ReadonlyMap<string, FileSeen>;
  /** What the image reference means on the host now. */
  readonly imageId: string | null;
  readonly hashNow: string | null;
  /** Of the last applied compose file, under today's variables and compose; null where it is the same file or none is kept. */
  readonly hashBefore: string | null;
  readonly composeBefore: ComposeFile | null;
  /** `config | config --hash`, for a module without a status (P-13). */
  readonly labelHash: string | null;
  readonly resolved: { readonly [key: string]: Json };
  /** Variables that have a value. */
  readonly variables: ReadonlyMap<string, boolean>;
  /** Digests that any module's status names for a path: bytes that platformctl brought there. */
  readonly delivered: ReadonlyMap<string, ReadonlySet<string>>;
  /** Paths that the last applies of other modules of this host delivered. */
  readonly namedByOthers: ReadonlySet<string>;
  /** A live holder has the module's lock. */
  readonly held: boolean;
}

export type Condition =
  | 'absent'
  | 'created'
  | 'running'
  | 'healthy'
  | 'starting'
  | 'unhealthy'
  | 'restarting'
  | 'stopped'
  | 'paused'
  | 'several';

/** Restarts within this many seconds of a start, seen at a moment when it runs, are a loop too. */
const LOOP_SECONDS = 60;
const LOOP_RESTARTS = 2;

/** One word for how a service's containers are (P-5 `condition`). `now`: seconds since 1970 on the host. */
export function conditionOf(containers: readonly Container[], now: number): Condition {
  const [container] = containers;
  if (!container) return 'absent';
  if (containers.length > 1) return 'several';
  switch (container.state) {
    case 'created':
      return 'created';
    case 'restarting':
      return 'restarting';
    case 'paused':
      return 'paused';
    case 'running': {
      const age = now - Date.parse(container.startedAt) / 1000;
      if (container.restarts >= LOOP_RESTARTS && age < LOOP_SECONDS && container.health !== 'healthy')
        return 'restarting';
      if (container.health === 'healthy' || container.health === 'unhealthy' || container.health === 'starting')
        return container.health;
      return 'running';
    }
    default:
      return 'stopped';
  }
}

/** Whether a service's container is of the image that was applied. `none`: there is no one container of it. */
export type Runs = 'applied' | 'other' | 'none';

/** @returns null where nothing was applied */
export function runsOf(
  status: Pick<Status, 'plan_digest' | 'image'> | null,
  containers: readonly Container[],
): Runs | null {
  if (!status?.plan_digest) return null;
  const [container] = containers;
  if (!container || containers.length > 1) return 'none';
  const applied = status.image?.id ?? null;
  return applied === null || container.image === applied ? 'applied' : 'other';
}

/** A service that is taken over, and whose own compose file is not at this path: it was made from one that lies somewhere else, and compose could not make it again. */
export const madeElsewhere = ({ status, files }: Pick<Observation, 'status' | 'files'>, composeFile: string): boolean =>
  !status?.plan_digest && files.get(composeFile)?.kind !== 'file';
