/** Builds the real adapters: the only place that does, and with main the only one that touches `process`. */
import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { packageVersion } from './adapters/files/package-version.js';
import { PlatformError } from './errors.js';
import { EXIT_TOOL_ERROR } from './exits.js';
import type { Files, World } from './ports.js';

export interface Invocation {
  readonly directory: string | undefined;
  readonly envFile: string | undefined;
  readonly noColor: boolean;
  readonly interrupted: AbortSignal;
  readonly begun: World['begun'];
}

/** What `--version` prints; nothing else is imported for it (C-6). */
export const version = packageVersion;

/** What a completion needs of the world, and no more (C-6). */
export async function completing() {
  const { commandTable } = await import('./adapters/files/command-table.js');
  const { createFiles } = await import('./adapters/files/files.js');
  return { table: commandTable(), files: createFiles(), directory: process.cwd() };
}

const NAME = /[^A-Za-z0-9._@+-]/g;

/** Who works here: the CI's actor, else user@machine. Only plain characters, for it stands in locks and records. */
function whoAmI(env: NodeJS.ProcessEnv): string {
  const actor = env.FORGEJO_ACTOR ?? env.GITEA_ACTOR ?? env.GITHUB_ACTOR;
  const name = actor ? `${actor}@ci` : `${userName()}@${hostname()}`;
  return name.replace(NAME, '-').slice(0, 100);
}

/** A container's user may be in no passwd file. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/** URL of the CI run, from the forge's own variables (K-5). */
function ciUrl(env: NodeJS.ProcessEnv): string | null {
  const server = env.FORGEJO_SERVER_URL ?? env.GITEA_SERVER_URL ?? env.GITHUB_SERVER_URL;
  const repository = env.GITHUB_REPOSITORY;
  // Forgejo and Gitea count the runs of a repository in their URLs, GitHub has ids.
  const ours = env.FORGEJO_ACTIONS ?? env.GITEA_ACTIONS;
  const run = ours ? (env.GITHUB_RUN_NUMBER ?? env.GITHUB_RUN_ID) : env.GITHUB_RUN_ID;
  return server && repository && run && /^https?:\/\//.test(server)
    ? `${server}/${repository}/actions/runs/${run}`.slice(0, 500)
    : null;
}

/** @returns `settle`: to be called when the command is over */
export async function wire(given: Invocation): Promise<World & { readonly settle: () => void }> {
  const { createRedactor } = await import('./secret/redactor.js');
  const { namesSecret } = await import('./secret/patterns.js');
  const { createTerminal } = await import('./adapters/terminal/terminal.js');
  const { createFiles } = await import('./adapters/files/files.js');
  const { createClock } = await import('./adapters/clock/clock.js');
  const { environmentOf } = await import('./adapters/environment/environment.js');
  const redactor = createRedactor({
    tooShort: (source) => terminal.err(`warning: ${source} is shorter than 6 bytes and cannot be masked in output\n`),
  });
  const terminal = createTerminal({
    redactor,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    noColor: given.noColor,
  });
  const directory = resolve(given.directory ?? process.cwd());
  const files = createFiles();
  const clock = createClock();
  const hide = redactor.add;
  const warn = (text: string): void => terminal.err(`warning: ${text}\n`);
  const envFile = given.envFile === undefined ? undefined : await readEnvFile(files, given.envFile, directory);
  const environment = environmentOf({ variables: process.env, hide, warn, ...(envFile ? { envFile } : {}) });
  // Secrets from the start, whatever command runs.
  for (const name of environment.ours()) {
    if (name === 'PLATFORMCTL_SSH_KEY' || namesSecret(name)) environment.secret(name);
  }
  const child = (): Record<string, string> => environment.childEnvironment();
  return {
    openGit: async (dir) => (await import('./adapters/git/git.js')).openGit(dir, child()),
    workTree: lazyWorkTree(child),
    connect: async (address) => {
      const { createConnect } = await import('./adapters/ssh/connect.js');
      const { createTailnet } = await import('./adapters/tailscale/tailnet.js');
      return createConnect({
        environment,
        files,
        clock,
        tailnet: createTailnet(environment),
        hide,
        warn,
        homeDirectory: environment.get('HOME') ?? '/',
      })(address);
    },
    showHostKey: async (target) => (await import('./adapters/ssh/show-host-key.js')).showHostKey(target),
    files,
    signer: lazySigner(child, terminal.interactive),
    tailnet: {
      status: async () => (await import('./adapters/tailscale/tailnet.js')).createTailnet(environment).status(),
    },
    tryProgram: async (command, args) =>
      (await import('./adapters/programs/programs.js')).tryProgram(child(), command, args),
    clock,
    terminal,
    environment,
    settle: environment.settle,
    hide,
    who: whoAmI(process.env),
    ciUrl: ciUrl(process.env),
    interrupted: given.interrupted,
    begun: given.begun,
    version: packageVersion(),
    directory,
  };
}

const ENV_FILE_MAX = 1024 * 1024;

/** `--env-file`, as typed: relative to the folder that platformctl works in. */
async function readEnvFile(files: Files, path: string, directory: string): Promise<{ path: string; text: string }> {
  const bytes = await files.read(resolve(directory, path), ENV_FILE_MAX);
  if (bytes) return { path, text: new TextDecoder().decode(bytes) };
  throw new PlatformError({
    code: 'PCTL-ENV-FILE',
    exit: EXIT_TOOL_ERROR,
    summary: `there is no file ${path}`,
    where: { file: path },
    hint: 'name another one with --env-file',
  });
}

function lazySigner(env: () => Record<string, string>, interactive: boolean): World['signer'] {
  const signer = async () => (await import('./adapters/signer/signer.js')).createSigner({ env: env(), interactive });
  return {
    sign: async (key, message) => (await signer()).sign(key, message),
    check: async (signature, message) => (await signer()).check(signature, message),
    agentKeys: async () => (await signer()).agentKeys(),
    publicKey: async (path) => (await signer()).publicKey(path),
  };
}

function lazyWorkTree(env: () => Record<string, string>): NonNullable<World['workTree']> {
  const tree = async () => (await import('./adapters/git/listing.js')).workTree(env());
  return {
    entries: async (root) => (await tree()).entries(root),
    read: async (root, path, max) => (await tree()).read(root, path, max),
  };
}
