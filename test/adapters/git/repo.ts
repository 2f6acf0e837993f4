/** A throwaway git repository with people of one's choice; shared by the tests of git, policy and approvals. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Repo {
  readonly dir: string;
  /** git with the user's and the system's config out of the way. */
  git(...args: string[]): string;
  write(path: string, content: string | Uint8Array): void;
  /** Commits everything as `who` (an address); the SHA. */
  commit(message: string, who?: string, committer?: string): string;
  remove(): void;
}

/** What tests hand to programs: nothing of the person's own settings. */
export const testEnvironment = (home: string): Record<string, string> => ({ PATH: process.env.PATH ?? '', HOME: home });

export function makeRepo(options: { bare?: boolean; clone?: string; args?: readonly string[] } = {}): Repo {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'pctl-git-')));
  const env = {
    ...testEnvironment(dir),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
  };
  const run = (args: readonly string[], extra: Record<string, string> = {}) =>
    execFileSync('git', args, {
      cwd: dir,
      env: { ...env, ...extra },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trimEnd();
  if (options.clone) run(['clone', '-q', ...(options.args ?? []), options.clone, '.']);
  else run(['init', '-q', '-b', 'main', ...(options.bare ? ['--bare'] : [])]);
  let tick = 1_700_000_000;
  const identity = (who: string, committer: string) => {
    tick += 60;
    return {
      GIT_AUTHOR_NAME: who.split('@')[0] ?? who,
      GIT_AUTHOR_EMAIL: who,
      GIT_COMMITTER_NAME: committer.split('@')[0] ?? committer,
      GIT_COMMITTER_EMAIL: committer,
      GIT_AUTHOR_DATE: `${tick} +0000`,
      GIT_COMMITTER_DATE: `${tick} +0000`,
    };
  };
  return {
    dir,
    git: (...args) => run(args, identity('merger@example.net', 'merger@example.net')),
    write(path, content) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), content);
    },
    commit(message, who = 'alice@example.net', committer = who) {
      run(['add', '-A']);
      run(['commit', '-q', '--allow-empty', '-m', message], identity(who, committer));
      return run(['rev-parse', 'HEAD']);
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
