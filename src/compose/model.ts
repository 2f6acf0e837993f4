/** A docker compose file as values (spec P-7, G-7). Pure: text in, values out; no compose process is involved. */
import type { Problem, Where } from '../errors.js';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A compose file that was parsed as YAML (hostile input refused), `extends` within the file followed, `include` and foreign `extends` refused. */
export interface ComposeFile {
  /** Repo path. */
  readonly path: string;
  readonly name: string | null;
  /** By service name; after `extends`. */
  readonly services: ReadonlyMap<string, { readonly [key: string]: Json }>;
  readonly volumes: { readonly [key: string]: Json };
  readonly networks: { readonly [key: string]: Json };
  readonly configs: { readonly [key: string]: Json };
  readonly secrets: { readonly [key: string]: Json };
  /** The place of a path such as ['services', 'web', 'ports', 0]; the nearest ancestor where the path itself has none. */
  readonly place: (path: readonly (string | number)[]) => Where;
}

export type ParsedCompose =
  | { readonly ok: true; readonly file: ComposeFile }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** 4: all problems are policy (`include`, `extends` of another file, a top-level key that G-7 does not have); else 3. */
      readonly exit?: 3 | 4;
    };

/** What a service names outside of its own text. Paths are as written, so they may hold variables. */
export interface References {
  /** `env_file` entries. */
  readonly envFiles: readonly { readonly path: string; readonly required: boolean; readonly where: Where }[];
  /** configs and secrets by `file:`, seccomp profiles, and bind mounts with a relative source. */
  readonly files: readonly {
    readonly path: string;
    readonly kind: 'config' | 'secret' | 'mount' | 'seccomp';
    readonly where: Where;
  }[];
  /** Names of variables in the service's own definition and the top-level entries that it reaches. `required`: without a default. */
  readonly variables: readonly { readonly name: string; readonly required: boolean; readonly where: Where }[];
  /** Names of top-level entries that it reaches. */
  readonly volumes: readonly string[];
  readonly networks: readonly string[];
  readonly configs: readonly string[];
  readonly secrets: readonly string[];
  /** Names of services that it needs: depends_on with its condition. */
  readonly dependsOn: readonly { readonly service: string; readonly condition: string }[];
  /** The service in whose namespaces it lives, by `network_mode`, `pid`, `ipc: service:X`. */
  readonly namespacesOf: readonly string[];
  readonly hasHealthcheck: boolean;
  readonly restart: string | null;
  /** Seconds; 10 where it is not said (compose's default). */
  readonly stopGraceSeconds: number;
}

/**
 * What the rules look at, as the host's compose resolved it (P-12): in the plan as `resolved`. Every value is a string, number, boolean or a sorted list of them, no secrets:
 * values of environment, labels, command, entrypoint, healthcheck are never in it.
 */
export type Resolved = { readonly [key: string]: Json };

export interface Denial {
  /** `privileged`, `bind_outside`, ... */
  readonly rule: string;
  /** The offending element as an exception must name it; null for rules without a value. */
  readonly value: string | null;
  readonly where: Where;
  readonly why: string;
  /** Whether config.yaml can allow it. */
  readonly exceptionPossible: boolean;
}

export interface Verdict {
  /** Not allowed and not excepted. */
  readonly denials: readonly Denial[];
  /** Exceptions of config.yaml that were needed. */
  readonly exceptions: readonly { readonly rule: string; readonly value: string | null; readonly reason: string }[];
  /** `moving_tag`, exceptions that match nothing or have expired: text for people. */
  readonly warnings: readonly string[];
  /** Text only: positions (`image`, `volumes.0.source`) that hold a variable and so are decided on the host. */
  readonly open: readonly string[];
}

/** What a verdict needs to know beside the compose file. */
export interface PolicyContext {
  readonly module: string;
  readonly remoteRoot: string;
  /** Host path of the compose file's folder, absolute. */
  readonly folder: string;
  readonly sacredPaths: readonly string[];
  readonly bindRoots: readonly string[];
  readonly allow: readonly {
    readonly module: string;
    readonly rule: string;
    readonly value: string | null;
    readonly reason: string;
    readonly expires: string | null;
  }[];
  readonly deny: readonly string[];
  /** Ids of the host's group docker, where they are known (`group_add`). */
  readonly dockerGroups?: readonly string[];
  /** YYYY-MM-DD (UTC), for `expires`. */
  readonly today: string;
}
