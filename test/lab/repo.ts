/** Throwaway platform repos for the hosts of a lab. */
import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { Lab } from './lab.js';
import { BARE, type Finished, finish, platformctl, type RunOptions } from './process.js';

export type PersonName = 'alice' | 'bob';

export interface LabPerson {
  readonly name: string;
  /** `alice@example.net`, the principal in allowed_signers. */
  readonly email: string;
  /** The private signing key's path; `.pub` beside it. */
  readonly key: string;
  /** `ssh-ed25519 AAAA...` */
  readonly publicKey: string;
}

export interface RepoOptions {
  /** Replaces members of a host's entry in config.yaml, by host: `{ host1: { repo_root: 'hosts/host1' } }`. */
  readonly hosts?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Replaces top-level members of config.yaml: `{ approval: { mode: 'self' } }`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default true: a bare folder `origin` that main is pushed to. */
  readonly remote?: boolean;
}

export interface CommitOptions {
  /** Default bob, so that alice, who operates, may approve what she did not write. Committer as well. */
  readonly author?: PersonName;
}

export interface ThrowawayRepo {
  /** The work tree. */
  readonly dir: string;
  /** The bare remote's folder, also where `remote: false`. */
  readonly origin: string;
  /** Unlike any other's, `[a-z0-9]{6}`: for compose projects and container names, which the engine shares. */
  readonly id: string;
  readonly people: Readonly<Record<PersonName, LabPerson>>;
  /** This repo's remote_root on a host (default: the first host). */
  remoteRoot(host?: string): string;
  /** Writes a file, with its folders; `mode` such as 0o755. */
  write(path: string, text: string, mode?: number): Promise<void>;
  remove(path: string): Promise<void>;
  /** Commits everything; the SHA. */
  commit(message: string, options?: CommitOptions): Promise<string>;
  /** Pushes HEAD to main of `origin`. */
  push(): Promise<void>;
  /** commit, then push; the SHA. */
  publish(message: string, options?: CommitOptions): Promise<string>;
  /** git in the work tree, as alice; throws where it fails. The output without the last newline. */
  git(...args: string[]): Promise<string>;
  /** The built platformctl in the work tree, with the lab's SSH key; `env` adds to that. */
  platformctl(args: readonly string[], options?: Omit<RunOptions, 'cwd'>): Promise<Finished>;
  /** Removes the work tree, origin, keys, and this repo's remote roots. */
  dispose(): Promise<void>;
}

async function makePerson(folder: string, short: PersonName): Promise<LabPerson> {
  const key = join(folder, short);
  const made = await finish('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', short, '-f', key]);
  if (made.exit !== 0) throw new Error(made.stderr);
  const { stdout } = await finish('cut', ['-d', ' ', '-f', '1,2', `${key}.pub`]);
  return { name: short === 'alice' ? 'Alice' : 'Bob', email: `${short}@example.net`, key, publicKey: stdout.trim() };
}

/** A git repo with a config for the lab's hosts, two people who may sign, and an `origin` that has its main. */
export async function throwawayRepo(lab: Lab, options: RepoOptions = {}): Promise<ThrowawayRepo> {
  const top = await mkdtemp(join(tmpdir(), 'platformctl-repo-'));
  const dir = join(top, 'repo');
  const origin = join(top, 'origin.git');
  const home = join(top, 'home');
  await mkdir(dir);
  await mkdir(home);
  await chmod(home, 0o700);
  const id = top
    .slice(-6)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '0');
  const people = { alice: await makePerson(home, 'alice'), bob: await makePerson(home, 'bob') };
  const rootOn = (host: string): string => join(lab.host(host).remote_root, id);

  const env = { ...BARE, HOME: home };
  const git = async (...args: string[]): Promise<string> => {
    const done = await finish('git', args, { cwd: dir, env });
    if (done.exit !== 0) throw new Error(`git ${args.join(' ')} exited ${done.exit}: ${done.stderr}`);
    return done.stdout.trimEnd();
  };
  const repo: ThrowawayRepo = {
    dir,
    origin,
    id,
    people,
    remoteRoot: (host) => rootOn(lab.host(host).name),
    async write(path, text, mode) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text);
      if (mode !== undefined) await chmod(join(dir, path), mode);
    },
    remove: (path) => rm(join(dir, path), { recursive: true }),
    async commit(message, { author = 'bob' } = {}) {
      const { name, email } = people[author];
      await git('add', '--all');
      await git(
        '-c',
        `user.name=${name}`,
        '-c',
        `user.email=${email}`,
        'commit',
        '--quiet',
        '--allow-empty',
        '-m',
        message,
      );
      return git('rev-parse', 'HEAD');
    },
    async push() {
      await git('push', '--quiet', 'origin', 'HEAD:main');
    },
    async publish(message, how) {
      const sha = await repo.commit(message, how);
      await repo.push();
      return sha;
    },
    git,
    platformctl: (args, how = {}) =>
      platformctl(dir, args, { ...how, env: { HOME: home, PLATFORMCTL_IDENTITY_FILE: lab.client_key, ...how.env } }),
    async dispose() {
      await rm(top, { recursive: true, force: true });
      // A run that still ends there may write meanwhile.
      for (const host of lab.hosts)
        await rm(rootOn(host.name), { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };

  const hosts: Record<string, unknown> = {};
  for (const host of lab.hosts) {
    const { name, port, user, host_key } = host;
    const root = rootOn(name);
    await mkdir(root);
    const owner = await stat(host.remote_root);
    await chown(root, owner.uid, owner.gid);
    hosts[name] = {
      transport: 'ssh',
      address: '127.0.0.1',
      port,
      user,
      host_key,
      remote_root: root,
      ...options.hosts?.[name],
    };
  }
  const config = {
    apiVersion: 'platformctl/v1',
    kind: 'Platform',
    remote_root: rootOn(lab.host().name),
    protected_ref: 'main',
    hosts,
    approval: { mode: 'signature' },
    ...options.config,
  };
  await git('init', '--quiet', '--initial-branch=main');
  await git('config', 'user.name', people.alice.name);
  await git('config', 'user.email', people.alice.email);
  await git('config', 'gpg.format', 'ssh');
  await git('config', 'user.signingkey', people.alice.key);
  await repo.write('.gitignore', '.platform/state/\n.platform/tmp/\n.env\n');
  await repo.write('.platform/config.yaml', stringify(config));
  const signers = Object.values(people).map(
    ({ email, publicKey }) => `${email} namespaces="platformctl-plan" ${publicKey}\n`,
  );
  await repo.write('.platform/allowed_signers', signers.join(''));
  await repo.commit('A platform');
  if (options.remote !== false) {
    await git('init', '--quiet', '--bare', '--initial-branch=main', origin);
    await git('remote', 'add', 'origin', origin);
    await git('push', '--quiet', '--set-upstream', 'origin', 'main');
    await git('remote', 'set-head', 'origin', 'main');
  }
  return repo;
}
