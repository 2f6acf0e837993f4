/** What the flows need from the world, as types. Adapters implement them, wiring builds them, tests fake them. */
import type { Secret } from './secret/secret.js';

// ---------------------------------------------------------------- git

export interface TreeEntry {
  /** Relative to the repo's root, `/` between folders. */
  readonly path: string;
  /** git's mode: 100644, 100755, 120000 (symlink), 160000 (submodule). */
  readonly mode: string;
  /** The blob's (submodule: commit's) 40 hex digits. */
  readonly id: string;
  /** Bytes; 0 for a submodule. */
  readonly size: number;
}

export interface Person {
  readonly name: string;
  readonly email: string;
}

export interface Commit {
  readonly sha: string;
  readonly parents: readonly string[];
  readonly author: Person;
  readonly committer: Person;
  /** From `Co-authored-by:` trailers. */
  readonly coauthors: readonly Person[];
  readonly subject: string;
  /** Paths that it changes; of a merge only what differs from every parent (`git log -c`/`--cc` rule). */
  readonly paths: readonly string[];
}

export interface Git {
  /** The absolute path of the work tree's root. */
  readonly root: string;
  /** null branch: detached. Throws PCTL-GIT-NO-COMMIT (2) in a repo without commits. */
  head(): Promise<{ sha: string; branch: string | null }>;
  /** Full SHA of a commit-ish that passed the ref-name check (I-2), or null where there is no such commit here. */
  resolve(rev: string): Promise<string | null>;
  /** Every entry of a commit's tree, one process. */
  tree(sha: string): Promise<readonly TreeEntry[]>;
  /** The bytes of many blobs, one process, with an upper bound per blob; a larger one is a PlatformError PCTL-FILE-TOO-LARGE. */
  blobs(ids: readonly string[], maxBytesEach: number): Promise<Map<string, Uint8Array>>;
  /** The blob id that bytes would have (SHA-1 object format), computed here. */
  blobId(bytes: Uint8Array): string;
  isAncestor(ancestor: string, descendant: string): Promise<boolean>;
  isShallow(): Promise<boolean>;
  /** Remote names, `origin` first. */
  remotes(): Promise<readonly string[]>;
  /** Asks the remote itself, now (15 s): its default branch, or `branch`, and the SHA it is at. null: no answer or no such branch. */
  askRemote(remote: string, branch?: string): Promise<{ branch: string; sha: string } | null>;
  /** What the last fetch left: refs/remotes/<remote>/HEAD and its SHA. For plan only, never for apply (G-1). */
  trackedDefault(remote: string): Promise<{ branch: string; sha: string } | null>;
  /** Brings one commit into the repo, no tags, no ref written. false: could not. */
  fetch(remote: string, sha: string): Promise<boolean>;
  /** Commits reachable from `to` and not from `from` (null: all of them), newest first, that touch one of `paths`. */
  log(from: string | null, to: string, paths: readonly string[]): Promise<readonly Commit[]>;
  /** `paths` (files or folders), and where the files lay before those commits moved them. */
  places(from: string | null, to: string, paths: readonly string[]): Promise<readonly string[]>;
  config(key: string): Promise<string | null>;
  /** Paths in the work tree that differ from HEAD in bytes or mode or exist in one only (untracked and ignored ones too), limited to `paths` (files or folders). */
  differs(paths: readonly string[]): Promise<readonly string[]>;
}

/** The work tree as it lies there now (M-4): what git tracks or would track; ignored files are not in it. */
export interface WorkTree {
  /** One git process. A file's id is the blob that its bytes would be; a repository inside is an entry of mode 160000. */
  entries(root: string): Promise<readonly TreeEntry[]>;
  /** Never through a link; null: no regular file. Larger than `max`: PCTL-FILE-TOO-LARGE (3). */
  read(root: string, path: string, max: number): Promise<Uint8Array | null>;
}

// ---------------------------------------------------------------- host

/** A POSIX shell program of this release: constant text; values reach it as arguments or input, never as code. */
export interface Program {
  readonly name: string;
  readonly text: string;
  readonly args: readonly string[];
}

/** A deadline in milliseconds and the step's name for the error. */
export interface Limit {
  readonly ms: number;
  readonly step: string;
}

export interface RunResult {
  readonly stdout: Uint8Array;
  /** At most 64 KiB of it, the end. */
  readonly stderr: Uint8Array;
  /** null: ended by a signal, or the connection was lost. */
  readonly code: number | null;
}

/** A running program on a host: bytes in, bytes out. All methods throw PlatformError: PCTL-HOST-SILENT (7) at a deadline, PCTL-HOST-LOST (7) where the connection or program ended. */
export interface Conversation {
  say(bytes: Uint8Array): Promise<void>;
  /** The next line without its newline, at most 64 KiB. */
  line(limit: Limit): Promise<string>;
  /** Exactly n bytes. */
  bytes(n: number, limit: Limit): Promise<Uint8Array>;
  /** What came since, as soon as something comes; no bytes: nothing came within the limit; null: the program ended. Never throws for silence. */
  more(limit: Limit): Promise<Uint8Array | null>;
  /** Closes its input and waits for its end; its exit code, null where a signal or a lost connection ended it. */
  end(limit: Limit): Promise<number | null>;
  /** What it wrote to stderr so far, at most 64 KiB, the end. */
  stderr(): Uint8Array;
}

/**
 * One connection to one host. The program runs as `sh -c 'eval "$1"' platformctl TEXT ARGS...`, so `$1` is its own text and it can start itself again.
 * What the programs of one connection say on stdout is bounded by 24 MiB at a time (more is PCTL-HOST-FLOOD, 7).
 * At most eight of them run at a time, fewer where the server opens fewer channels; the others wait within their limits (PCTL-HOST-CHANNELS, 7).
 */
export interface Host {
  readonly name: string;
  run(program: Program, input: Uint8Array, limit: Limit): Promise<RunResult>;
  talk(program: Program, limit: Limit): Promise<Conversation>;
  /** What was used to connect, for `host check`: identity, host key fingerprint, user, address. */
  describe(): HostDescription;
  close(): Promise<void>;
}

export interface HostDescription {
  readonly transport: 'ssh' | 'tailscale' | 'local';
  readonly address: string;
  readonly user: string;
  readonly identity: string | null;
  readonly hostKey: string | null;
}

/** A host of config.yaml as an address to connect to: everything resolved, `jump` in order. */
export interface HostAddress {
  readonly name: string;
  readonly transport: 'ssh' | 'tailscale' | 'local';
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string | null;
  readonly knownHostsFile: string | null;
  readonly identityFile: string | null;
  readonly shared: boolean;
  readonly jump: readonly HostAddress[];
}

/** Where a host key is asked for; the name is for messages. */
export interface HostKeyTarget {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** A host key as a machine showed it, which proves nothing yet. */
export interface ShownHostKey {
  /** `ssh-ed25519` */
  readonly kind: string;
  /** `SHA256:...` as ssh-keygen prints it. */
  readonly fingerprint: string;
  /** `ssh-ed25519 AAAA...` */
  readonly line: string;
}

/** Opens a host (15 s, 4 tries with backoff and jitter, X-8). Errors: PCTL-GATE-HOST (4: root, unknown or other host key), PCTL-HOST-CONNECT (7), PCTL-SSH-NO-IDENTITY (2). */
export type Connect = (address: HostAddress) => Promise<Host>;

// ---------------------------------------------------------------- this machine

export interface Files {
  /** null: it is not there. Larger than `max`: PCTL-FILE-TOO-LARGE (3). */
  read(path: string, max: number): Promise<Uint8Array | null>;
  /**
   * temp file in the same folder, write, fsync, rename, fsync of the folder. `ifAbsent`: fails with PCTL-FILE-EXISTS (2) rather than replace. `beneath`: a folder
   * that it must lie in once links are followed, else PCTL-FILE-OUTSIDE (2).
   */
  write(
    path: string,
    bytes: Uint8Array,
    options?: { mode?: number; ifAbsent?: boolean; beneath?: string },
  ): Promise<void>;
  /** One whole line in one write, then fsync; cuts a last line without a newline off first. Under a lock file beside it. */
  append(path: string, line: (lastLine: string | null) => string): Promise<void>;
  /** Names in a folder, [] where it is absent. */
  list(path: string): Promise<readonly string[]>;
  remove(path: string): Promise<void>;
}

/** Runs ssh-keygen and asks agents. Files go through a private folder that is removed. */
export interface Signer {
  /** An armored OpenSSH signature over `message`, namespace `platformctl-plan`. `key`: a private key's path, or a public key whose private half an agent holds. */
  sign(key: string, message: string): Promise<string>;
  /** Cryptographic check of one armored signature: its public key (`ssh-ed25519 AAAA`) where it is good for `message` and the namespace, else null. */
  check(signature: string, message: string): Promise<string | null>;
  /** Public keys (`ssh-ed25519 AAAA`) that the agent holds. */
  agentKeys(): Promise<readonly string[]>;
  /** The public key of a private or public key file. */
  publicKey(path: string): Promise<string>;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves early where `over` is aborted. */
  sleep(ms: number, over?: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
  /** A UUIDv7, 36 characters. */
  uuid(): string;
}

/** Bytes from outside on their way to stdout: redacted wherever they are cut (O-4), made visible (O-5). */
export interface OutStream {
  /** Resolves when whoever reads has taken it; false: nobody reads any more. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Finished lines that are held because a secret may have begun in them; called within 100 ms of the last write. */
  flush(): Promise<boolean>;
  /** The rest. */
  end(): Promise<boolean>;
}

/** What leaves goes through it, redacted. Data on stdout, all else on stderr (C-1). */
export interface Terminal {
  readonly interactive: boolean;
  /** Of data. */
  readonly colour: boolean;
  /** Of all else: either may go to a file. */
  readonly errColour: boolean;
  /** Data. */
  out(text: string): void;
  /** Data that comes in pieces, as a log does. `raw`: control characters act. */
  stream(raw: boolean): OutStream;
  /** A document that platformctl reads again, byte for byte: masking would make another one of it (O-1). */
  document(bytes: Uint8Array): void;
  /** Progress, warnings, errors. */
  err(text: string): void;
  /** A line that is rewritten in place while something takes long; null: no more. Nothing where nobody watches. */
  progress(text: string | null): void;
  /** A line typed by a person; null where there is no terminal (C-4) or it was closed. */
  ask(question: string): Promise<string | null>;
}

/** What config.yaml's `env_file` admits of an env file beyond `PLATFORMCTL_*`. */
export interface Admission {
  readonly prefixes: readonly string[];
  readonly names: readonly string[];
}

/** The environment as it was admitted (M-6). */
export interface Environment {
  get(name: string): string | undefined;
  /** A variable whose value is a secret, registered with the redactor. */
  secret(name: string): Secret | undefined;
  /** The policy's config.yaml is known: more keys of the env file may be sources. Those that are skipped are named once. */
  admit(admission: Admission): void;
}

/** How a program of this machine did. */
export interface TriedProgram {
  readonly works: boolean;
  /** The beginning of what it said. */
  readonly said: string;
}

/** What `tailscale status --json` says of this tailnet. */
export interface Tailnet {
  status(): Promise<unknown>;
}

// ---------------------------------------------------------------- all of it

/** What a long command tells while it works (`--json-lines`); progress is drawn from it. */
export interface StepEvent {
  /** YYYY-MM-DDTHH:MM:SSZ */
  readonly time: string;
  readonly module: string;
  readonly step:
    | 'gates'
    | 'lock'
    | 'observe'
    | 'stage'
    | 'pull'
    | 'go'
    | 'files'
    | 'up'
    | 'verify'
    | 'back'
    | 'record'
    | 'plan'
    | 'connect';
  readonly state: 'started' | 'waiting' | 'done' | 'failed';
  /** For people, one line. */
  readonly detail: string;
}

export type Report = (event: StepEvent) => void;

export interface World {
  /** The repo that holds `dir`. PCTL-NO-REPO (2) where there is none. */
  openGit(dir: string): Promise<Git>;
  readonly connect: Connect;
  /** Connects only as far as the host key (15 s). PCTL-HOST-CONNECT (7) */
  readonly showHostKey: (target: HostKeyTarget) => Promise<ShownHostKey>;
  readonly files: Files;
  /** Needed by what reads the work tree: validate, and plan without `--sha`. */
  readonly workTree?: WorkTree;
  readonly signer: Signer;
  readonly tailnet: Tailnet;
  /** Runs a program of this machine, 10 s; null: there is none. */
  readonly tryProgram: (command: string, args: readonly string[]) => Promise<TriedProgram | null>;
  readonly clock: Clock;
  readonly terminal: Terminal;
  readonly environment: Environment;
  /** Registers a secret with the redactor at the edge. */
  readonly hide: (secret: Secret) => void;
  /** Who works here, for locks, records and audit: `alice@laptop`, or the CI's actor. */
  readonly who: string;
  /** URL of the CI run, null outside CI. */
  readonly ciUrl: string | null;
  /** Aborted at the first Ctrl-C or TERM once a plan is on its way to its host; before that there is nothing to see through. */
  readonly interrupted: AbortSignal;
  /** One for each plan that is or was on its way. `started`: `go` was said, and the host goes on without this process. */
  readonly begun: { readonly started: boolean }[];
  /** package.json's version. */
  readonly version: string;
  /** `-C DIR`, absolute. */
  readonly directory: string;
}
