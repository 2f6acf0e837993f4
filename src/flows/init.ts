/** `init` (M-7): the files that a platform repo needs to begin with. Never overwrites one. */
import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR } from '../exits.js';
import { expandHome, isBeneath, normalise, sacredReason } from '../manifest/paths.js';
import type { Git, World } from '../ports.js';
import {
  type ApprovalChoice,
  COMPOSE_TEXT,
  configText,
  FIRST_MODULE,
  IGNORED,
  type InitValues,
  MODULE_TEXT,
  PAGE_TEXT,
  signersText,
  workflowText,
} from './init-files.js';

/** Bytes of a .gitignore or .git/HEAD that is read. */
const SMALL_FILE = 1024 * 1024;
const CONFIG = '.platform/config.yaml';

export interface InitOptions {
  readonly solo?: boolean;
  readonly team?: boolean;
}

export interface InitResult {
  /** null: a config was there, and nobody was asked. */
  readonly approval: ApprovalChoice | null;
  readonly files: readonly { readonly path: string; readonly state: 'written' | 'kept' | 'extended' }[];
  /** Commands, with a comment where one needs it. */
  readonly next: readonly string[];
}

/** @throws PlatformError PCTL-NO-REPO (2), PCTL-INIT-WHO (2): neither flag nor terminal */
export async function initFlow(world: World, options: InitOptions): Promise<InitResult> {
  const git = await world.openGit(world.directory);
  const configKept = (await world.files.list(`${git.root}/.platform`)).includes('config.yaml');
  const approval = configKept ? flagged(options) : await choose(world, options);
  const [remote] = await git.remotes();
  const values: InitValues = {
    approval: approval ?? 'self',
    branch: await branchOf(world, git, remote),
    remoteRoot: remoteRootOf(world, git.root),
    signer: await signerOf(world, git),
  };

  const texts: [path: string, text: string][] = [
    [CONFIG, configText(values)],
    ['.platform/allowed_signers', signersText(values)],
  ];
  // A first module beside modules that are there, or for hosts that a kept config names otherwise, would be in the way.
  if (!configKept && (await world.files.list(`${git.root}/modules`)).length === 0) {
    texts.push(
      [`modules/${FIRST_MODULE}/module.yaml`, MODULE_TEXT],
      [`modules/${FIRST_MODULE}/compose.yaml`, COMPOSE_TEXT],
      [`modules/${FIRST_MODULE}/www/index.html`, PAGE_TEXT],
    );
  }
  texts.push([`${await forgeFolder(world, git, remote)}/workflows/platformctl.yaml`, workflowText(values.branch)]);

  const files: InitResult['files'][number][] = [];
  for (const [path, text] of texts) files.push({ path, state: await writeNew(world, `${git.root}/${path}`, text) });
  files.push({ path: '.gitignore', state: await ignore(world, `${git.root}/.gitignore`) });
  return { approval, files, next: nextSteps(values, files, remote) };
}

function flagged({ solo, team }: InitOptions): ApprovalChoice | null {
  if (solo && team) {
    throw new PlatformError({
      code: 'PCTL-USAGE',
      exit: EXIT_TOOL_ERROR,
      summary: '--solo and --team exclude each other',
      hint: 'leave one of them out',
    });
  }
  return solo ? 'self' : team ? 'signature' : null;
}

async function choose(world: World, options: InitOptions): Promise<ApprovalChoice> {
  const chosen = flagged(options);
  if (chosen) return chosen;
  if (world.terminal.interactive) {
    for (let tries = 0; tries < 3; tries++) {
      const answer = await world.terminal.ask('Who decides about changes here? 1: I alone, 2: several people [1] ');
      if (answer === null) break;
      if (/^\s*(1|solo)?\s*$/i.test(answer)) return 'self';
      if (/^\s*(2|team)\s*$/i.test(answer)) return 'signature';
    }
  }
  throw new PlatformError({
    code: 'PCTL-INIT-WHO',
    exit: EXIT_TOOL_ERROR,
    summary: 'whether one person or several decide about changes is not known',
    hint: 'platformctl init --solo, or platformctl init --team',
  });
}

/** The branch that will judge (G-1): the remote's default, else the one that HEAD is on, also before its first commit. */
async function branchOf(world: World, git: Git, remote: string | undefined): Promise<string> {
  const tracked = remote === undefined ? null : await git.trackedDefault(remote);
  if (tracked) return tracked.branch;
  try {
    const { branch } = await git.head();
    if (branch !== null) return branch;
  } catch (error) {
    if (!(error instanceof PlatformError && error.code === 'PCTL-GIT-NO-COMMIT')) throw error;
    const head = await world.files.read(`${git.root}/.git/HEAD`, SMALL_FILE).catch(() => null);
    const name = /^ref: refs\/heads\/([A-Za-z0-9_][A-Za-z0-9._/+-]*)\s*$/.exec(
      new TextDecoder().decode(head ?? new Uint8Array()),
    )?.[1];
    if (name !== undefined) return name;
  }
  return 'main';
}

/** A folder that this user can write and that is neither sacred nor in this work tree. */
function remoteRootOf(world: World, root: string): string {
  const home = normalise(world.environment.get('HOME') ?? '');
  const folder = home === null ? null : `${home}/platform-services`;
  const usable =
    folder !== null &&
    /^[A-Za-z0-9._/@+-]+$/.test(folder) &&
    sacredReason(folder) === null &&
    !isBeneath(folder, root) &&
    !isBeneath(root, folder);
  return usable ? folder : '/opt/platform';
}

/** Who works here as a line of allowed_signers: git's address with git's signing key, else with the agent's first key. */
async function signerOf(world: World, git: Git): Promise<string | null> {
  const email = (await git.config('user.email'))?.trim();
  if (email === undefined || !/^[^\s@,"'<>()[\]\\*?!#]+@[^\s@,"'<>()[\]\\*?!]+$/.test(email)) return null;
  const configured = (await git.config('user.signingkey'))?.replace(/^key::/, '').trim();
  const key = await firstKey([
    async () => (configured?.startsWith('ssh-') || configured?.startsWith('ecdsa-') ? configured : undefined),
    async () =>
      configured?.includes('/')
        ? world.signer.publicKey(expandHome(configured, world.environment.get('HOME')))
        : undefined,
    async () => (await world.signer.agentKeys()).find((candidate) => /^(ssh|ecdsa)-/.test(candidate)),
  ]);
  return key && `${email} ${key.split(/\s+/).slice(0, 2).join(' ')}`;
}

async function firstKey(sources: readonly (() => Promise<string | undefined>)[]): Promise<string | null> {
  for (const source of sources) {
    // A key that cannot be read is no reason to stop: the line can be added by hand, and the next steps say so.
    const key = await source().catch(() => undefined);
    if (key) return key;
  }
  return null;
}

/** `.github` for GitHub, `.gitea` where that folder is used already, else `.forgejo`. */
async function forgeFolder(world: World, git: Git, remote: string | undefined): Promise<string> {
  const url = remote === undefined ? null : await git.config(`remote.${remote}.url`);
  if (url !== null && /^(?:[a-z+]+:\/\/)?(?:[^@/]*@)?(?:www\.|ssh\.)?github\.com[:/]/i.test(url)) return '.github';
  const names = await world.files.list(git.root);
  return (
    ['.forgejo', '.gitea', ...(url === null ? ['.github'] : [])].find((folder) => names.includes(folder)) ?? '.forgejo'
  );
}

async function writeNew(world: World, path: string, text: string): Promise<'written' | 'kept'> {
  try {
    await world.files.write(path, new TextEncoder().encode(text), { mode: 0o644, ifAbsent: true });
    return 'written';
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'PCTL-FILE-EXISTS') return 'kept';
    throw error;
  }
}

/** state is never committed. Only the end of an existing file is touched. */
async function ignore(world: World, path: string): Promise<'written' | 'kept' | 'extended'> {
  const before = await world.files.read(path, SMALL_FILE);
  if (before === null) return writeNew(world, path, `# what platformctl leaves behind here\n${IGNORED}\n`);
  const text = new TextDecoder().decode(before);
  if (
    text
      .split(/\r?\n/)
      .some((line) => [IGNORED, `/${IGNORED}`, IGNORED.slice(0, -1), `/${IGNORED.slice(0, -1)}`].includes(line.trim()))
  ) {
    return 'kept';
  }
  const addition = new TextEncoder().encode(`${text === '' || text.endsWith('\n') ? '' : '\n'}${IGNORED}\n`);
  await world.files.write(path, Buffer.concat([before, addition]), { mode: 0o644 });
  return 'extended';
}

function nextSteps(values: InitValues, files: InitResult['files'], remote: string | undefined): string[] {
  const written = (path: string): boolean => files.some((file) => file.path === path && file.state === 'written');
  const commit = [
    'git add -A && git commit -m "platformctl init"',
    ...(remote === undefined ? [] : [`git push ${remote} HEAD:${values.branch}   # the policy is read from there`]),
  ];
  if (!written(CONFIG)) return [...commit, 'platformctl validate'];
  const signers =
    values.approval === 'signature'
      ? [
          `edit .platform/allowed_signers   # ${values.signer === null ? 'a line for each of you' : 'your key is in it; a line for each of the others'}`,
        ]
      : [];
  const first = written(`modules/${FIRST_MODULE}/module.yaml`) ? FIRST_MODULE : 'MODULE';
  return [
    ...signers,
    ...commit,
    `mkdir -p ${values.remoteRoot}   # where services lie on this machine; must be yours to write`,
    `platformctl plan ${first}`,
    ...(values.approval === 'signature'
      ? [`platformctl approve ${first}   # somebody else, who is in allowed_signers`]
      : []),
    `PLATFORMCTL_PHASE=05 platformctl apply ${first}`,
  ];
}
