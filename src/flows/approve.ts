/** `approve` (G-4, modes signature and self): shows plans, signs them once, keeps the signature beside each. */
import { PlatformError } from '../errors.js';
import { EXIT_INVALID, EXIT_NO_CHANGES, EXIT_TOOL_ERROR, type ExitCode } from '../exits.js';
import { type AllowedSigners, keyFingerprint, parseAllowedSigners } from '../gate/allowed-signers.js';
import { changesAnything, planAgain } from '../gate/facts.js';
import { SIGNATURES_MAX_BYTES, signatureText, signedMessage } from '../gate/signature-file.js';
import { expandHome } from '../manifest/paths.js';
import type { Plan } from '../manifest/types.js';
import type { Git, World } from '../ports.js';
import { loadPlan } from './plan-files.js';
import { SIGNERS_PATH } from './policy.js';
import { planReferences } from './references.js';

export interface ApproveResult {
  /** Of the plans that were signed, sorted. */
  readonly digests: readonly string[];
  /** The signature files that were written. */
  readonly files: readonly string[];
  /** The signer's address in allowed_signers; null where that file does not know the key. */
  readonly principal: string | null;
  /** `SHA256:...`; null where nothing was signed. */
  readonly key: string | null;
  /** Modules whose plan changes nothing and so needs no approval. */
  readonly unchanged: readonly string[];
  /** What was signed, as apply takes it. */
  readonly signed: readonly string[];
  readonly warnings: readonly string[];
  readonly exitCode: ExitCode;
}

export interface ApproveOptions {
  /** `--key FILE`: a private key, or a public one whose private half the agent holds. */
  readonly key?: string;
  /** Shows the plans before anything is signed. */
  readonly show: (plans: readonly Plan[]) => void;
}

/**
 * Signs one or several plans once and appends the signature to each `PLAN.sig`.
 * @param references plan files, ids of kept plans, or names of stacks
 * @throws PlatformError what loadPlan and Signer throw; PCTL-PLAN-DIRTY, PCTL-PLAN-OFFLINE (3); PCTL-SIGN-KEY (2) where no key is found
 */
export async function approve(
  world: World,
  git: Git,
  references: readonly string[],
  options: ApproveOptions,
): Promise<ApproveResult> {
  const loaded: { plan: Plan; file: string; reference: string }[] = [];
  for (const reference of await planReferences(world, git, references))
    loaded.push({ ...(await loadPlan(world, git.root, reference)), reference });
  for (const { plan, file } of loaded) refuseUnappliable(plan, file);
  options.show(loaded.map(({ plan }) => plan));
  const open = loaded.filter(({ plan }) => changesAnything(plan));
  const unchanged = loaded.filter(({ plan }) => !changesAnything(plan)).map(({ plan }) => plan.module);
  if (open.length === 0) {
    const nothing = { digests: [], files: [], principal: null, key: null, signed: [], warnings: [] };
    return { ...nothing, unchanged, exitCode: EXIT_NO_CHANGES };
  }
  const signers = await signersFor(
    git,
    open.map(({ plan }) => plan),
  );
  const key = await chooseKey(world, git, options.key, signers);
  const digests = [...new Set(open.map(({ plan }) => plan.digest))].sort();
  const message = signedMessage(digests);
  const armor = await world.signer.sign(key, message);
  const publicKey = await world.signer.check(armor, message);
  if (publicKey === null)
    throw noKey('the signature that ssh-keygen made does not check', 'try another key: --key FILE');
  const files = [...new Set(open.map(({ file }) => `${file}.sig`))];
  for (const file of files) await appendSignature(world, file, digests, armor);
  const principal = principalOf(signers, publicKey);
  const warnings =
    principal === null
      ? [`${keyFingerprint(publicKey)} is not in ${SIGNERS_PATH} of the policy ref: its approval will not count`]
      : [];
  const signed = open.map(({ reference }) => reference);
  const printed = keyFingerprint(publicKey);
  return { digests, files, principal, key: printed, unchanged, signed, warnings, exitCode: EXIT_NO_CHANGES };
}

function refuseUnappliable(plan: Plan, file: string): void {
  const refuse = (code: string, summary: string) =>
    new PlatformError({ code, exit: EXIT_INVALID, summary, where: { file }, hint: planAgain(plan) });
  if (plan.source_dirty)
    throw refuse('PCTL-PLAN-DIRTY', 'a plan from a work tree that differs from its commit can never be applied');
  if (plan.offline) throw refuse('PCTL-PLAN-OFFLINE', 'a plan that was made offline can never be applied');
}

/** allowed_signers of the plans' policy commit: to choose a key and to name the signer. Whether the signature counts is judged at apply, by the policy of then. */
async function signersFor(git: Git, plans: readonly Plan[]): Promise<AllowedSigners> {
  const none: AllowedSigners = { persons: [], problems: [] };
  const sha = plans[0]?.policy.sha;
  if (sha === undefined || (await git.resolve(sha)) === null) return none;
  const entry = (await git.tree(sha)).find((candidate) => candidate.path === SIGNERS_PATH);
  if (!entry) return none;
  const bytes = (await git.blobs([entry.id], 1024 * 1024)).get(entry.id);
  return bytes ? parseAllowedSigners(bytes, SIGNERS_PATH) : none;
}

/** `--key`, else git's `user.signingkey` where it is an SSH key, else the agent's first key that allowed_signers knows. */
async function chooseKey(world: World, git: Git, named: string | undefined, signers: AllowedSigners): Promise<string> {
  if (named !== undefined) return absolute(world, named);
  const configured = await git.config('user.signingkey');
  const ssh = (await git.config('gpg.format')) === 'ssh' || /^(key::|ssh-|ecdsa-|sk-|[~/])/.test(configured ?? '');
  if (configured && ssh) {
    return /^(key::)?(ssh|ecdsa|sk)-\S+ \S/.test(configured)
      ? configured.replace(/^key::/, '')
      : absolute(world, configured);
  }
  const held = await world.signer.agentKeys();
  const known = held.find((key) => principalOf(signers, key) !== null);
  if (known !== undefined) return known;
  const why =
    held.length === 0
      ? 'no user.signingkey, and no agent with keys'
      : `none of the agent's ${held.length} keys is in allowed_signers`;
  throw noKey(`no key to sign with: ${why}`, '--key FILE, or git config user.signingkey ~/.ssh/id_ed25519.pub');
}

function principalOf(signers: AllowedSigners, key: string): string | null {
  for (const person of signers.persons) {
    const line = person.lines.find((candidate) => candidate.key === key);
    if (line) return line.addresses[0] ?? null;
  }
  return null;
}

async function appendSignature(world: World, file: string, digests: readonly string[], armor: string): Promise<void> {
  const before = new TextDecoder().decode((await world.files.read(file, SIGNATURES_MAX_BYTES)) ?? new Uint8Array());
  const added = signatureText(digests, armor);
  if (before.includes(added)) return;
  const text = before === '' || before.endsWith('\n') ? `${before}${added}` : `${before}\n${added}`;
  await world.files.write(file, new TextEncoder().encode(text));
}

function absolute(world: World, path: string): string {
  const full = expandHome(path, world.environment.get('HOME'));
  return full.startsWith('/') ? full : `${world.directory}/${full}`;
}

function noKey(summary: string, hint: string): PlatformError {
  return new PlatformError({ code: 'PCTL-SIGN-KEY', exit: EXIT_TOOL_ERROR, summary, hint });
}
