/** G-4: which approvals of a plan count, and for each that does not, why. Pure: keys were checked by ssh-keygen, authors read from git. */
import type { Problem } from '../errors.js';
import { EXIT_APPROVAL_MISMATCH, EXIT_INVALID } from '../exits.js';
import type { Platform } from '../manifest/model.js';
import type { Plan } from '../manifest/types.js';
import { lineInvalid, type Signer } from './allowed-signers.js';
import { eligible, isApprover, list, localPart } from './approvers.js';
import { changesAnything, type Stage } from './facts.js';
import { NAMESPACE } from './signature-file.js';
import { failure, type GateFailure, type GateVerdict, verdict } from './verdict.js';

export interface ApprovalFacts {
  /** Milliseconds since 1970, for valid-after and valid-before. */
  readonly now: number;
  /** Of allowed_signers at the policy ref; [] where there is no such file. */
  readonly signers: readonly Signer[];
  /** What is wrong with that file. Any problem makes all of it count for nothing. */
  readonly problems: readonly Problem[];
  readonly signatures: readonly SignatureFact[];
  /** null: not known, since the host was not asked what was applied last. */
  readonly authors: readonly Author[] | null;
  /** Mode `self`: what was answered on the terminal. `pending`: not asked yet; `not asked`: nor will be, in a dry run (X-10); `no terminal`: nobody can be asked. */
  readonly self: 'pending' | 'not asked' | 'no terminal' | 'declined' | 'yes' | 'module id';
  /** Rollback to a kept release: who approved it when it was applied; null for every other plan. */
  readonly release: readonly string[] | null;
}

export interface SignatureFact {
  readonly file: string;
  readonly line: number;
  /** What it says that it signs; [] was made by hand, and was checked against this plan's digest. */
  readonly digests: readonly string[];
  /** The public key that ssh-keygen found it good for; null: not good. */
  readonly key: string | null;
  /** `SHA256:...` of that key. */
  readonly fingerprint: string | null;
  /** What is wrong with its form, null: nothing. */
  readonly stray: string | null;
}

export interface Author {
  readonly email: string;
  readonly role: 'author' | 'committer' | 'co-author';
  readonly sha: string;
}

export interface ApprovalRow {
  readonly file: string;
  readonly principal: string | null;
  readonly key: string | null;
  readonly counts: boolean;
  readonly code: string | null;
  readonly why: string;
}

export interface Judgement {
  /** The plan changes something and so needs an approval (X-4). */
  readonly needed: boolean;
  readonly state: 'approved' | 'not approved' | 'pending';
  readonly required: number;
  readonly counted: number;
  readonly approvals: readonly ApprovalRow[];
  /** For the status document: addresses, in mode self `self:<address>`; for an answer on the terminal [], the caller knows who that is. */
  readonly approvedBy: readonly string[];
  readonly selfApproved: boolean;
  /** An approval names exactly this plan (G-8). */
  readonly namesPlan: boolean;
  readonly failures: readonly GateFailure[];
}

/** Mode `self` asks its one person, but for a release that this person approved before (B-2). */
export const asksOnTerminal = (plan: Plan, platform: Platform): boolean =>
  platform.approval.modes.includes('self') && !(plan.kind === 'rollback' && plan.destructive.length === 0);

/** @param stage before the host was asked, unknown authors are left open; under the lock they are a failure */
export function judgeApproval(plan: Plan, platform: Platform, facts: ApprovalFacts, stage: Stage): Judgement {
  const self = platform.approval.modes.includes('self');
  const signature = platform.approval.modes.includes('signature');
  const required = self ? 1 : platform.approval.required;
  const approvals = facts.problems.length > 0 ? [] : judgeSignatures(plan, platform, facts, self);
  const counting = signature || self ? approvals.filter((row) => row.counts) : [];
  const people = counting.map((row) => row.principal ?? '');
  const needed = changesAnything(plan);
  const answered = self && (facts.self === 'yes' || facts.self === 'module id');
  const unknownAuthors = facts.authors === null && stage === 'under lock' && !platform.approval.allowAuthor && !self;
  const bySignature = counting.length >= required && !unknownAuthors;
  const byRelease = plan.kind === 'rollback' && facts.release !== null && facts.release.length > 0;
  const approved = bySignature || answered || byRelease;
  const early = stage === 'without host';
  const unread = early && plan.kind === 'rollback' && facts.release === null;
  const unanswered = facts.self === 'not asked' || (early && facts.self === 'pending');
  const pending = !approved && (asksOnTerminal(plan, platform) ? unanswered : unread);
  const state = !needed || approved ? 'approved' : pending ? 'pending' : 'not approved';
  const failures = state === 'not approved' ? reasons(plan, platform, facts, approvals, required, unknownAuthors) : [];
  return {
    needed,
    state,
    required,
    counted: counting.length,
    approvals,
    approvedBy: bySignature
      ? people.map((who) => (self ? `self:${who}` : who))
      : byRelease
        ? (facts.release ?? [])
        : [],
    selfApproved: self && (bySignature || answered),
    namesPlan: bySignature || (self && facts.self === 'module id'),
    failures,
  };
}

export function approvalGate(judgement: Judgement): GateVerdict {
  return verdict('G-4', 'approval', judgement.failures, judgement.state !== 'pending');
}

function judgeSignatures(plan: Plan, platform: Platform, facts: ApprovalFacts, self: boolean): ApprovalRow[] {
  const counted = new Set<Signer>();
  return facts.signatures.map((signature): ApprovalRow => {
    const signer = facts.signers.find((person) => person.lines.some((line) => line.key === signature.key));
    const lines = signer?.lines.filter((line) => line.key === signature.key) ?? [];
    const valid = lines.find((line) => lineInvalid(line, NAMESPACE, facts.now) === null);
    const principal = (valid ?? lines[0])?.addresses[0] ?? null;
    const row = (code: string | null, why: string): ApprovalRow => ({
      file: signature.file,
      principal,
      key: signature.fingerprint,
      counts: code === null,
      code,
      why,
    });
    const who = principal === null ? 'somebody' : localPart(principal);
    if (signature.stray !== null)
      return row('PCTL-APPROVAL-FORM', `${signature.file}:${signature.line}: ${signature.stray}`);
    if (signature.key === null) {
      const what = signature.digests.length === 0 ? `plan ${plan.digest.slice(0, 12)}` : 'the digests above it';
      return row(
        'PCTL-APPROVAL-SIGNATURE',
        `${signature.file}:${signature.line}: the signature is not good for ${what}`,
      );
    }
    if (!signer)
      return row(
        'PCTL-APPROVAL-UNKNOWN',
        `the signature of ${signature.fingerprint} does not count: that key is not in allowed_signers`,
      );
    if (!valid) {
      const why = lineInvalid(lines[0]!, NAMESPACE, facts.now);
      return why === 'namespace'
        ? row(
            'PCTL-APPROVAL-NAMESPACE',
            `${who}'s key is not allowed to sign plans: its namespaces= leaves ${NAMESPACE} out`,
          )
        : row('PCTL-APPROVAL-VALIDITY', `${who}'s key is ${why === 'expired' ? 'no longer' : 'not yet'} valid`);
    }
    if (signature.digests.length > 0 && !signature.digests.includes(plan.digest)) {
      const other = signature.digests.map((digest) => digest.slice(0, 12));
      const plans = `${other.length > 1 ? 'plans' : 'plan'} ${list(other, 3)}`;
      return row(
        'PCTL-APPROVAL-DIGEST',
        `${who}'s signature is for ${plans}; this plan is ${plan.digest.slice(0, 12)}`,
      );
    }
    if (!isApprover(signer, platform.approval.approvers, facts.signers)) {
      return row('PCTL-APPROVAL-APPROVER', `${who}'s signature does not count: ${who} is not in approval.approvers`);
    }
    const wrote = authored(signer, facts.authors ?? []);
    if (wrote && !platform.approval.allowAuthor && !self) {
      const did = { author: 'wrote', committer: 'committed', 'co-author': 'co-authored' }[wrote.role];
      return row('PCTL-APPROVAL-AUTHOR', `${who}'s signature does not count: ${who} ${did} ${wrote.sha.slice(0, 7)}`);
    }
    if (counted.has(signer))
      return row('PCTL-APPROVAL-SAME-PERSON', `${who} was counted already: one person, one approval`);
    counted.add(signer);
    return row(null, self ? `${who} signed this plan (self-approved)` : `${who} signed this plan`);
  });
}

/** The first commit that makes a person an author. */
function authored(signer: Signer, authors: readonly Author[]): Author | undefined {
  return authors.find((author) => signer.addresses.includes(author.email.trim().toLowerCase()));
}

function reasons(
  plan: Plan,
  platform: Platform,
  facts: ApprovalFacts,
  approvals: readonly ApprovalRow[],
  required: number,
  unknownAuthors: boolean,
): GateFailure[] {
  const explain = `platformctl explain-approval ${plan.module} shows every one`;
  const modes = platform.approval.modes;
  const self = modes.includes('self');
  if (facts.problems.length > 0) {
    return facts.problems.map((problem) =>
      failure(EXIT_INVALID, problem.code, `${problem.file}:${problem.line}: ${problem.message}`, problem.hint ?? null),
    );
  }
  if (!self && !modes.includes('signature')) {
    return [
      failure(
        EXIT_APPROVAL_MISMATCH,
        'PCTL-APPROVAL-FORGE',
        'approval.mode is forge alone, and this release cannot ask a forge',
        'add signature: mode: [signature, forge]',
      ),
    ];
  }
  const failures = approvals
    .filter((row) => !row.counts)
    .map((row) => failure(EXIT_APPROVAL_MISMATCH, row.code ?? 'PCTL-APPROVAL', row.why, explain));
  if (unknownAuthors) {
    failures.push(
      failure(
        EXIT_APPROVAL_MISMATCH,
        'PCTL-APPROVAL-AUTHORS',
        'who wrote this change is not known',
        'fetch the whole history: git fetch --unshallow',
      ),
    );
  }
  const able = eligible(platform, facts, self);
  const has = approvals.filter((row) => row.counts).length;
  const by = able.length === 0 ? '' : ` by ${list(able, 5, required > 1 ? 'and' : 'or')}`;
  const why = self
    ? facts.self === 'declined'
      ? 'mode self: the answer on the terminal was no'
      : 'mode self without a terminal needs a signature'
    : `needs ${required} approval${required === 1 ? '' : 's'}${by}; has ${has}`;
  const hint =
    able.length === 0 && !self
      ? 'nobody in allowed_signers at the policy ref can approve this: add a person who did not write it, or set approval.allow_author'
      : `${able.length === 0 ? '' : `${list(able.map(localPart), 3)}: `}platformctl approve ${plan.module}`;
  failures.push(failure(EXIT_APPROVAL_MISMATCH, 'PCTL-APPROVAL-MISSING', why, hint));
  return failures;
}
