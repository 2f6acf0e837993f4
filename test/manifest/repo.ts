/** A throwaway git repository with real parts around it. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openGit } from '../../src/adapters/git/git.js';
import { workTree } from '../../src/adapters/git/listing.js';
import { PlatformError } from '../../src/errors.js';
import type { Files, Git, World } from '../../src/ports.js';
import { type Changes, filesOf } from './samples.js';

export interface Repo {
  readonly root: string;
  git(...args: string[]): string;
  write(changes: Changes): void;
  commit(): string;
  remove(): void;
}

const env = (home: string): Record<string, string> => ({ PATH: process.env.PATH ?? '', HOME: home });

export function makeRepo(changes: Changes | null = {}): Repo {
  const root = mkdtempSync(join(tmpdir(), 'platformctl-manifest-'));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.net', ...args], {
      cwd: root,
      env: env(root),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  git('init', '-q', '-b', 'main');
  const write = (files: Map<string, { text: string; mode: string }>): void => {
    for (const [path, { text, mode }] of files) {
      const full = join(root, path);
      mkdirSync(dirname(full), { recursive: true });
      rmSync(full, { force: true });
      if (mode === '120000') symlinkSync(text, full);
      else writeFileSync(full, text);
      if (mode === '100755') chmodSync(full, 0o755);
    }
  };
  if (changes) write(filesOf(changes));
  return {
    root,
    git,
    write: (more) =>
      write(
        filesOf({ '.platform/config.yaml': null, 'compose/web.yaml': null, 'modules/web/module.yaml': null, ...more }),
      ),
    commit() {
      git('add', '-A');
      git('commit', '-q', '-m', 'x');
      return git('rev-parse', 'HEAD');
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Files of this machine, as far as init needs them. */
const files: Files = {
  read: async (path) => (existsSync(path) ? readFileSync(path) : null),
  write: async (path, bytes, options) => {
    if (options?.ifAbsent && existsSync(path))
      throw new PlatformError({ code: 'PCTL-FILE-EXISTS', exit: 2, summary: 'exists' });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  },
  list: async (path) => (existsSync(path) ? readdirSync(path) : []),
  append: async () => {
    throw new Error('append is not expected');
  },
  remove: async () => {
    throw new Error('remove is not expected');
  },
};

/** A world with git, files and a terminal that remembers; everything else fails when touched. */
export function worldOf(
  repo: Repo,
  more: Partial<World> & { home?: string; answers?: (string | null)[] } = {},
): { world: World; out: string[]; asked: string[] } {
  const out: string[] = [];
  const asked: string[] = [];
  const home = more.home ?? '/home/somebody';
  const answers = [...(more.answers ?? [])];
  const refused = (name: string) => () => {
    throw new Error(`${name} is not expected`);
  };
  const world = {
    openGit: (dir: string): Promise<Git> => openGit(dir, env(repo.root)),
    workTree: workTree(env(repo.root)),
    files,
    connect: refused('connect'),
    signer: {
      agentKeys: async () => [],
      publicKey: refused('publicKey'),
      sign: refused('sign'),
      check: refused('check'),
    },
    tailnet: { status: refused('tailnet') },
    environment: {
      get: (name: string) => (name === 'HOME' ? home : undefined),
      secret: refused('secret'),
      admit: () => undefined,
    },
    terminal: {
      interactive: more.answers !== undefined,
      colour: false,
      errColour: false,
      out: (text: string) => void out.push(text),
      err: refused('err'),
      ask: async (question: string) => {
        asked.push(question);
        return answers.shift() ?? null;
      },
    },
    directory: repo.root,
    ...more,
  } as unknown as World;
  return { world, out, asked };
}
