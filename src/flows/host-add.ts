/** `host add`: a machine's key is looked at, compared by a person, and only then the host is written into the working copy of config.yaml (G-6). */
import { PlatformError } from '../errors.js';
import { EXIT_INVALID, EXIT_POLICY_VIOLATION, EXIT_TOOL_ERROR } from '../exits.js';
import { withHost } from '../manifest/config-edit.js';
import { problemsExit } from '../manifest/findings.js';
import { MANIFEST_MAX_BYTES } from '../manifest/load.js';
import type { HostConfig, Platform } from '../manifest/model.js';
import { expandHome } from '../manifest/paths.js';
import type { ShownHostKey, World } from '../ports.js';
import { quote } from '../quote.js';
import { CONFIG_PATH } from './policy.js';
import { readPlatform } from './read-platform.js';

export interface HostAddOptions {
  readonly name: string;
  readonly address: string;
  readonly user: string | undefined;
  readonly port: number;
  readonly fingerprint: string | undefined;
}

export interface HostAddResult {
  readonly host: HostConfig;
  readonly hostKey: ShownHostKey;
  /** Commands to be run as root on the host, with a comment where one needs it. */
  readonly asRoot: readonly string[];
  readonly next: readonly string[];
}

/** Stands for a key while the rest of the entry is judged: nobody is asked about a host that could not be written. */
const NO_KEY = `ssh-ed25519 ${'A'.repeat(68)}`;

/**
 * @throws PlatformError PCTL-HOST-EXISTS, PCTL-HOST-FINGERPRINT (2), PCTL-NO-CONFIG (3), PCTL-HOST-FINGERPRINT-OTHER (4), PCTL-HOST-CONNECT (7)
 */
export async function hostAddFlow(
  world: World,
  options: HostAddOptions,
  show: (key: ShownHostKey) => void,
): Promise<HostAddResult> {
  const { name, fingerprint } = options;
  const git = await world.openGit(world.directory);
  const before = await configText(world, git.root);
  const present = judged(before, 'config.yaml has problems of its own').hosts.has(name);
  if (present) throw exists(name);
  judged(withHost(before, name, entryOf(options, NO_KEY)), `${name} cannot be added like this`, true);

  const hostKey = await world.showHostKey({ name, address: options.address, port: options.port });
  show(hostKey);
  if (fingerprint === undefined) await askFor(world, name, hostKey);
  else if (fingerprint !== hostKey.fingerprint) throw another(name, hostKey, '--fingerprint is not that of the key');

  // Somebody may have edited it while the question stood there.
  const text = await configText(world, git.root);
  if (judged(text, 'config.yaml has problems of its own').hosts.has(name)) throw exists(name);
  const after = withHost(text, name, entryOf(options, hostKey.line));
  const host = judged(after, `${name} cannot be added like this`, true).hosts.get(name);
  if (host === undefined) throw new Error('the edited config has no such host');
  await world.files.write(`${git.root}/${CONFIG_PATH}`, new TextEncoder().encode(after));
  return {
    host,
    hostKey,
    asRoot: asRoot(host, await ownKey(world, host)),
    next: [
      `platformctl host check ${name}`,
      `git add ${CONFIG_PATH} && git commit -m ${quote(`host ${name}`)}   # hosts count once they are on the protected branch`,
      `platformctl import ${name}   # where stacks run there already`,
    ],
  };
}

const entryOf = ({ address, port, user }: HostAddOptions, key: string): Record<string, string | number> => ({
  transport: 'ssh',
  address,
  ...(port === 22 ? {} : { port }),
  ...(user === undefined ? {} : { user }),
  host_key: key,
});

async function configText(world: World, root: string): Promise<string> {
  const bytes = await world.workTree?.read(root, CONFIG_PATH, MANIFEST_MAX_BYTES);
  if (bytes) return new TextDecoder().decode(bytes);
  throw new PlatformError({
    code: 'PCTL-NO-CONFIG',
    exit: EXIT_INVALID,
    summary: `there is no ${CONFIG_PATH}`,
    where: { file: CONFIG_PATH },
    hint: 'platformctl init writes one',
  });
}

/** `edited`: places are those of a file that is not there yet, so they would say nothing. */
function judged(text: string, summary: string, edited = false): Platform {
  const { platform, problems } = readPlatform(new TextEncoder().encode(text), CONFIG_PATH);
  const [first] = problems;
  if (platform && !first) return platform;
  throw new PlatformError({
    code: first?.code ?? 'PCTL-NO-CONFIG',
    exit: problemsExit(problems),
    summary,
    where: { file: CONFIG_PATH, ...(first && !edited ? { line: first.line, column: first.column } : {}) },
    ...(first ? { why: first.message } : {}),
    ...(first?.hint ? { hint: first.hint } : {}),
  });
}

/** Typed in full: a person who only agrees has compared nothing. */
async function askFor(world: World, name: string, key: ShownHostKey): Promise<void> {
  const question = "type its fingerprint in full, from the machine's own console or its provider: ";
  const typed = world.terminal.interactive ? await world.terminal.ask(question) : null;
  if (typed === null) {
    throw new PlatformError({
      code: 'PCTL-HOST-FINGERPRINT',
      exit: EXIT_TOOL_ERROR,
      summary: `nobody compared the host key of ${name}: there is no terminal to ask on`,
      where: { host: name, step: 'connect' },
      why: `it showed ${key.kind} ${key.fingerprint}; nothing is trusted on first use`,
      hint: `compare it on the machine itself (${onMachine(key)}), then --fingerprint SHA256:...`,
    });
  }
  if (typed.trim() !== key.fingerprint) throw another(name, key, 'what was typed is not its fingerprint');
}

/** `ssh-ed25519` as the file on the machine is called. */
function onMachine({ kind }: ShownHostKey): string {
  const type = kind.startsWith('ecdsa-') ? 'ecdsa' : kind.replace(/^ssh-/, '');
  return `ssh-keygen -lf /etc/ssh/ssh_host_${type}_key.pub`;
}

function another(name: string, key: ShownHostKey, why: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-HOST-FINGERPRINT-OTHER',
    exit: EXIT_POLICY_VIOLATION,
    summary: `the host key of ${name} is another one: it showed ${key.kind} ${key.fingerprint}`,
    where: { host: name, step: 'connect' },
    why: `${why}; nothing was written`,
    hint: `compare with the key of the same kind, on the machine itself: ${onMachine(key)}`,
  });
}

function exists(name: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-HOST-EXISTS',
    exit: EXIT_TOOL_ERROR,
    summary: `there is a host ${name} in ${CONFIG_PATH} already`,
    where: { file: CONFIG_PATH, host: name },
    hint: 'edit it there by hand, or choose another name',
  });
}

/** The public half of what this machine will connect with, where that can be told without asking anybody. */
async function ownKey(world: World, host: HostConfig): Promise<string | null> {
  const file = world.environment.get('PLATFORMCTL_IDENTITY_FILE') ?? host.identityFile;
  const sources = [
    async () => (file ? world.signer.publicKey(expandHome(file, world.environment.get('HOME'))) : undefined),
    async () => (await world.signer.agentKeys()).find((key) => /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-)/.test(key)),
  ];
  for (const source of sources) {
    // Without one the line is still there, with a place to fill in.
    const key = await source().catch(() => undefined);
    if (key) return key.split(/\s+/).slice(0, 2).join(' ');
  }
  return null;
}

function asRoot({ user, remoteRoot }: HostConfig, key: string | null): string[] {
  const who = quote(user);
  const ssh = quote(`/home/${user}/.ssh`);
  return [
    `useradd --create-home --home-dir ${quote(`/home/${user}`)} --shell /bin/sh --groups docker ${who}   # group docker equals root on this machine`,
    `usermod -p '*' ${who}   # no password, and not locked: only the key lets in`,
    `install -d -m 0700 -o ${who} -g ${who} ${ssh}`,
    `printf '%s\\n' ${quote(key ?? 'YOUR PUBLIC KEY')} >>${ssh}/authorized_keys`,
    `chown ${who}: ${ssh}/authorized_keys && chmod 0600 ${ssh}/authorized_keys`,
    `install -d -o ${who} -g ${who} ${quote(remoteRoot)}`,
  ];
}
