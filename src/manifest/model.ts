/**
 * What is wanted, after the manifests were read and checked: the words that the rooms below use. Everything here is plain data with defaults filled in.
 */
import type { Problem } from '../errors.js';

export type Transport = 'ssh' | 'tailscale' | 'local';
export type Delivery = 'push' | 'verify';
export type ApprovalMode = 'signature' | 'forge' | 'self';

export interface HostConfig {
  readonly name: string;
  readonly transport: Transport;
  /** local: `localhost`. */
  readonly address: string;
  /** 22 where it is not said. */
  readonly port: number;
  /** `platform-host-agent` where it is not said. */
  readonly user: string;
  readonly hostKey: string | null;
  readonly knownHostsFile: string | null;
  readonly identityFile: string | null;
  readonly jump: readonly string[];
  /** A node that is shared into the tailnet is accepted (G-6). */
  readonly shared: boolean;
  /** Absolute and normalised. */
  readonly remoteRoot: string;
  /** Relative to the repo's root, '' for the root itself. */
  readonly repoRoot: string;
  readonly delivery: Delivery;
}

export interface PolicyException {
  readonly module: string;
  readonly rule: string;
  /** Absent for rules that have no value. */
  readonly value: string | null;
  readonly reason: string;
  /** YYYY-MM-DD: the last day on which it counts (UTC). */
  readonly expires: string | null;
}

export interface Platform {
  readonly hosts: ReadonlyMap<string, HostConfig>;
  readonly protectedRef: string;
  readonly approval: {
    readonly modes: readonly ApprovalMode[];
    readonly required: number;
    /** null: everybody in allowed_signers. Addresses, or the local part of one where that is unambiguous. */
    readonly approvers: readonly string[] | null;
    readonly allowAuthor: boolean;
  };
  readonly policy: {
    readonly sacredPaths: readonly string[];
    readonly bindRoots: readonly string[];
    readonly allow: readonly PolicyException[];
    /** Rules that are a warning by default and denied here: `moving_tag`. */
    readonly deny: readonly string[];
  };
  readonly envFile: { readonly prefixes: readonly string[]; readonly names: readonly string[] };
  readonly retention: { readonly runs: number; readonly days: number };
}

export interface Smoke {
  /** Seconds; above stableSeconds. */
  readonly timeoutSeconds: number;
  /** Seconds; null: 30, or 10 where the container has a healthcheck (V-1). */
  readonly stableSeconds: number | null;
  readonly http: { readonly url: string; readonly status: number } | null;
  /** A job: the exit code it must end with. */
  readonly exits: number | null;
}

export interface ServiceModule {
  readonly id: string;
  /** `modules/<id>/module.yaml`, or the stack.yaml that declares it. */
  readonly manifestPath: string;
  /** The stack that it is of; null: it has a module.yaml of its own. */
  readonly stack: string | null;
  readonly description: string;
  readonly owner: string;
  readonly host: string;
  /** Repo path, beneath the host's repoRoot. */
  readonly composeFile: string;
  readonly service: string;
  /** null: taken from the compose file's `name:`, else its folder's name (compose's rule). */
  readonly project: string | null;
  /** What the manifest says, else what the host of the config says that was read with it; a plan takes the host of the policy (G-1). */
  readonly delivery: Delivery;
  /** What the manifest itself says. */
  readonly ownDelivery: Delivery | null;
  /** Further repo paths. */
  readonly files: readonly string[];
  /** As written: relative to the compose file's folder, normalised, never upwards out of repoRoot. */
  readonly hostFiles: readonly string[];
  readonly smoke: Smoke;
  /** Module ids: declared, and for modules of a stack also taken over from the compose file (M-9). */
  readonly dependsOn: readonly string[];
  readonly protected: boolean;
}

/** Everything that a commit (or work tree) wants, and all that is wrong with it. */
export interface Wanted {
  readonly platform: Platform;
  readonly modules: ReadonlyMap<string, ServiceModule>;
  /** By a stack's name the ids of its modules, as its stack.yaml lists them (M-9). */
  readonly stacks: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly Problem[];
}
