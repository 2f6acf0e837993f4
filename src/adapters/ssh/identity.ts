/** Who I am (M-10): what can be offered to a server, in the order of the spec, and what cannot and why. */
import { PlatformError } from '../../errors.js';
import { EXIT_TOOL_ERROR } from '../../exits.js';
import type { Environment, Files, HostAddress } from '../../ports.js';
import { Secret } from '../../secret/secret.js';
import { type AgentKey, agentKeys } from './agent.js';
import { expandHome } from './host-key.js';
import { readKeyText } from './private-key.js';
import { fingerprint, unusableKind } from './wire.js';

const MAX_KEY_BYTES = 64 * 1024;
const AGENT_MS = 5_000;

export type Offer =
  | { readonly from: 'key'; readonly label: string; readonly key: Secret }
  | {
      readonly from: 'agent';
      readonly label: string;
      readonly socket: string;
      readonly keys: readonly AgentKey[];
      /** Those to begin with, also where a later source names them. */
      readonly first: readonly Buffer[];
    };

export interface Identities {
  /** In the order in which they are offered. */
  readonly offers: readonly Offer[];
  /** What is there and cannot be used, for the error where nothing was accepted. */
  readonly notes: readonly string[];
}

interface Gathering {
  readonly offers: Offer[];
  readonly notes: string[];
  /** Public halves of files that need an agent: those keys are offered first. */
  readonly first: Buffer[];
  readonly sockets: Set<string>;
}

export interface IdentityDeps {
  readonly environment: Environment;
  readonly files: Files;
  readonly homeDirectory: string;
  hide(secret: Secret): void;
}

/**
 * PLATFORMCTL_SSH_KEY, PLATFORMCTL_IDENTITY_FILE, PLATFORMCTL_IDENTITY_AGENT, the host's identity_file, SSH_AUTH_SOCK.
 * @throws PlatformError PCTL-SSH-NO-IDENTITY (2) where nothing of it can be used, PCTL-SSH-IDENTITY-FILE (2) where PLATFORMCTL_IDENTITY_FILE is not there
 */
export async function gatherIdentities(address: HostAddress, deps: IdentityDeps): Promise<Identities> {
  const found: Gathering = { offers: [], notes: [], first: [], sockets: new Set() };
  const given = deps.environment.secret('PLATFORMCTL_SSH_KEY');
  if (given !== undefined) await offerKey(found, 'PLATFORMCTL_SSH_KEY', given.reveal(), deps);
  const file = deps.environment.get('PLATFORMCTL_IDENTITY_FILE');
  if (file) await offerFile(found, 'PLATFORMCTL_IDENTITY_FILE', file, true, address, deps);
  const agent = deps.environment.get('PLATFORMCTL_IDENTITY_AGENT');
  if (agent) await offerAgent(found, 'PLATFORMCTL_IDENTITY_AGENT', expandHome(agent, deps.homeDirectory));
  if (address.identityFile !== null)
    await offerFile(found, 'identity_file', address.identityFile, false, address, deps);
  const socket = deps.environment.get('SSH_AUTH_SOCK');
  if (socket) await offerAgent(found, 'SSH_AUTH_SOCK', socket);
  if (found.offers.length === 0) {
    throw new PlatformError({
      code: 'PCTL-SSH-NO-IDENTITY',
      exit: EXIT_TOOL_ERROR,
      summary: `no key and no agent to connect to ${address.name} with`,
      where: { host: address.name, step: 'connect' },
      ...(found.notes.length === 0 ? {} : { why: found.notes.join('; ') }),
      hint: 'start an agent (eval "$(ssh-agent)"; ssh-add), or set PLATFORMCTL_IDENTITY_FILE to a private key without a passphrase',
    });
  }
  return { offers: found.offers, notes: found.notes };
}

async function offerKey(found: Gathering, label: string, text: string, deps: IdentityDeps): Promise<void> {
  const { kind, encrypted, publicBlob, isPublic } = readKeyText(text);
  const print = publicBlob === null ? '' : ` ${fingerprint(publicBlob)}`;
  const why = kind === null ? null : unusableKind(kind);
  if (isPublic || encrypted) {
    if (publicBlob !== null && why === null) found.first.push(publicBlob);
    found.notes.push(
      why !== null
        ? `${label}: ${why}`
        : `${label}${print}: ${isPublic ? 'this is a public key' : 'it has a passphrase'}, so an agent must hold its private half (ssh-add)`,
    );
  } else if (why !== null) {
    found.notes.push(`${label}: ${why}`);
  } else if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    found.notes.push(`${label}: this is no private key`);
  } else {
    const key = new Secret(text.endsWith('\n') ? text : `${text}\n`, label);
    deps.hide(key);
    if (await isReadable(key))
      found.offers.push({ from: 'key', label: `${label}${kind === null ? '' : ` ${kind}`}${print}`, key });
    else found.notes.push(`${label}: the format of this key cannot be read (ssh-keygen -p -f FILE writes another)`);
  }
}

/** ssh2 skips a key that it cannot parse, as those of PKCS#8, without a word. */
async function isReadable(key: Secret): Promise<boolean> {
  const { default: ssh2 } = await import('ssh2');
  return !(ssh2.utils.parseKey(key.reveal()) instanceof Error);
}

async function offerFile(
  found: Gathering,
  label: string,
  path: string,
  asked: boolean,
  address: HostAddress,
  deps: IdentityDeps,
): Promise<void> {
  const full = expandHome(path, deps.homeDirectory);
  const bytes = await deps.files.read(full, MAX_KEY_BYTES);
  if (bytes !== null) {
    await offerKey(found, `${label} ${path}`, Buffer.from(bytes).toString('latin1'), deps);
    return;
  }
  if (asked) {
    throw new PlatformError({
      code: 'PCTL-SSH-IDENTITY-FILE',
      exit: EXIT_TOOL_ERROR,
      summary: `${label} names a file that is not there: ${path}`,
      where: { host: address.name, step: 'connect' },
    });
  }
  // identity_file is in the repo, for everybody: who uses an agent need not have the file.
  found.notes.push(`${label} ${path}: there is no such file here`);
}

async function offerAgent(found: Gathering, label: string, socket: string): Promise<void> {
  if (found.sockets.has(socket)) return;
  found.sockets.add(socket);
  const keys = await agentKeys(socket, AGENT_MS);
  if (keys === null) {
    found.notes.push(`${label}: no agent answers there`);
    return;
  }
  const usable: AgentKey[] = [];
  for (const key of keys) {
    const why = unusableKind(key.kind);
    if (why === null) usable.push(key);
    else found.notes.push(`${label}: ${why}`);
  }
  if (keys.length === 0) found.notes.push(`${label}: the agent holds no key`);
  if (usable.length > 0) found.offers.push({ from: 'agent', label, socket, keys: usable, first: found.first });
}
