/** A second checkout of a staged repo: another machine, as far as platformctl can tell. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BARE, type Finished, finish, platformctl, type RunOptions } from '../lab/process.js';
import type { Stage } from './stage.js';

export interface Checkout {
  readonly dir: string;
  platformctl(args: readonly string[], options?: Omit<RunOptions, 'cwd'>): Promise<Finished>;
  git(...args: string[]): Promise<string>;
  dispose(): Promise<void>;
}

/** Whoever works there signs with alice's key. */
export async function secondCheckout(stage: Stage): Promise<Checkout> {
  const top = await mkdtemp(join(tmpdir(), 'platformctl-second-'));
  const dir = join(top, 'repo');
  const env = { HOME: top, PLATFORMCTL_IDENTITY_FILE: stage.lab.client_key };
  const git = async (...args: string[]): Promise<string> => {
    const done = await finish('git', args, { env: { ...BARE, HOME: top } });
    if (done.exit !== 0) throw new Error(`git ${args.join(' ')} exited ${done.exit}: ${done.stderr}`);
    return done.stdout.trimEnd();
  };
  await git('clone', '--quiet', stage.repo.origin, dir);
  const { alice } = stage.repo.people;
  for (const [key, value] of [
    ['user.name', alice.name],
    ['user.email', alice.email],
    ['gpg.format', 'ssh'],
    ['user.signingkey', alice.key],
  ] as const)
    await git('-C', dir, 'config', key, value);
  return {
    dir,
    platformctl: (args, options = {}) => platformctl(dir, args, { ...options, env: { ...env, ...options.env } }),
    git: (...args) => git('-C', dir, ...args),
    dispose: () => rm(top, { recursive: true, force: true }),
  };
}
