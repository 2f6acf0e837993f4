/** G-3: the plan is of the commit that was approved, and that commit is the protected branch's. */
import { timingSafeEqual } from 'node:crypto';
import { EXIT_APPROVAL_MISMATCH, EXIT_INVALID, EXIT_POLICY_VIOLATION, EXIT_STALE } from '../exits.js';
import { type GateFacts, planAgain } from './facts.js';
import { failure, type GateFailure, type GateVerdict, verdict } from './verdict.js';

export function provenanceGate(facts: GateFacts): GateVerdict {
  return verdict('G-3', 'provenance', [
    ...madeFrom(facts),
    ...approvedCommit(facts),
    ...history(facts),
    ...target(facts),
    ...content(facts),
    ...order(facts),
  ]);
}

/** I-5: in time that does not depend on where two tokens differ. */
export function equalTokens(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')];
  return left.length === right.length && timingSafeEqual(left, right);
}

function madeFrom({ plan }: GateFacts): GateFailure[] {
  const failures: GateFailure[] = [];
  const again = `commit, then ${planAgain(plan)}`;
  if (plan.source_dirty) {
    failures.push(
      failure(
        EXIT_INVALID,
        'PCTL-PLAN-DIRTY',
        'the plan was made from a work tree that differs from its commit',
        again,
      ),
    );
  }
  if (plan.offline || plan.observed === null) {
    failures.push(
      failure(
        EXIT_INVALID,
        'PCTL-PLAN-OFFLINE',
        'the plan was made offline: it does not say what is on the host',
        planAgain(plan),
      ),
    );
  }
  return failures;
}

function approvedCommit({ plan, platform, provenance }: GateFacts): GateFailure[] {
  const failures: GateFailure[] = [];
  const { approvedSha, approvedPr } = provenance;
  const modes = platform.approval.modes;
  if (approvedSha === null) {
    if (!modes.includes('signature') && !modes.includes('self')) {
      failures.push(
        failure(EXIT_APPROVAL_MISMATCH, 'PCTL-APPROVED-SHA', 'nothing names the approved commit', '--approved-sha SHA'),
      );
    }
  } else if (!/^[0-9a-f]{40}$/.test(approvedSha)) {
    failures.push(
      failure(
        EXIT_APPROVAL_MISMATCH,
        'PCTL-APPROVED-SHA',
        '--approved-sha is not 40 hex digits',
        'give the full SHA: git rev-parse REF',
      ),
    );
  } else if (!equalTokens(approvedSha, plan.source_sha)) {
    failures.push(
      failure(
        EXIT_APPROVAL_MISMATCH,
        'PCTL-APPROVED-SHA',
        `${approvedSha.slice(0, 7)} was approved; the plan is of ${plan.source_sha.slice(0, 7)}`,
        planAgain(plan, approvedSha),
      ),
    );
  }
  if (approvedPr !== null && !modes.includes('forge')) {
    failures.push(
      failure(
        EXIT_APPROVAL_MISMATCH,
        'PCTL-APPROVED-PR',
        'a pull request was named, and no forge is asked here: nothing would vouch for it',
        'leave --approved-pr out',
      ),
    );
  }
  return failures;
}

function history({ plan, platform, provenance }: GateFacts): GateFailure[] {
  const sha = plan.source_sha.slice(0, 7);
  if (!provenance.commitPresent) {
    return [
      failure(
        EXIT_APPROVAL_MISMATCH,
        'PCTL-COMMIT-MISSING',
        `commit ${sha} is not in this repository`,
        'git fetch; in CI: fetch-depth: 0',
      ),
    ];
  }
  const forgeAlone = platform.approval.modes.every((mode) => mode === 'forge');
  if (provenance.inPolicyHistory || forgeAlone) return [];
  return [
    failure(
      EXIT_APPROVAL_MISMATCH,
      'PCTL-COMMIT-NOT-PROTECTED',
      `commit ${sha} is not in the history of ${platform.protectedRef}`,
      `merge it into ${platform.protectedRef} and push, then plan again`,
    ),
  ];
}

/** X-3 and 7-cli: a plan that names another host or target than its module's manifest does. */
function target(facts: GateFacts): GateFailure[] {
  const { plan, provenance } = facts;
  const { module, target, commitPresent } = provenance;
  if (plan.kind === 'remove') return [...recorded(facts), ...foreign(plan)];
  if (module === null) {
    return commitPresent
      ? [
          failure(
            EXIT_POLICY_VIOLATION,
            'PCTL-PLAN-TARGET',
            `commit ${plan.source_sha.slice(0, 7)} declares no module ${plan.module}`,
            null,
          ),
        ]
      : [];
  }
  const failures: GateFailure[] = [];
  const differs = (what: string, planned: string, declared: string) =>
    failures.push(
      failure(
        EXIT_POLICY_VIOLATION,
        'PCTL-PLAN-TARGET',
        `the plan's ${what} is ${planned}; ${plan.module}'s manifest at that commit says ${declared}`,
        planAgain(plan),
      ),
    );
  if (module.id !== plan.module) differs('module', plan.module, module.id);
  if (module.host !== plan.host) differs('host', plan.host, module.host);
  if (module.service !== plan.service) differs('service', plan.service, module.service);
  const project = target?.project ?? module.project;
  if (project !== null && project !== plan.project) differs('project', plan.project, project);
  if (target && target.composeFile !== plan.compose_file)
    differs('compose file', plan.compose_file, target.composeFile);
  if (module.delivery !== plan.delivery) differs('delivery', plan.delivery, module.delivery);
  return [...failures, ...foreign(plan)];
}

/** changes of targets that are not the plan's module's. */
function foreign(plan: GateFacts['plan']): GateFailure[] {
  return plan.changes
    .filter(({ target }) => !target.startsWith('file.') && target !== `compose.service.${plan.service}`)
    .map(({ target }) =>
      failure(
        EXIT_POLICY_VIOLATION,
        'PCTL-PLAN-FOREIGN',
        `the plan changes ${target}, which is not ${plan.module}'s`,
        planAgain(plan),
      ),
    );
}

/** P-13: the commit need not declare what is removed; what the host recorded of the module says what that is. */
function recorded({ plan, remade }: GateFacts): GateFailure[] {
  if (remade === null) return [];
  const members = ['project', 'service', 'compose_file', 'delivery'] as const;
  return members
    .filter((member) => plan[member] !== remade[member])
    .map((member) =>
      failure(
        EXIT_POLICY_VIOLATION,
        'PCTL-PLAN-TARGET',
        `the plan's ${member.replace('_', ' ')} is ${plan[member]}; ${plan.host} recorded ${remade[member]} of ${plan.module}`,
        planAgain(plan),
      ),
    );
}

function content({ plan, provenance: { manifestDigest, files, commitPresent } }: GateFacts): GateFailure[] {
  // Of a removal nothing of the commit goes to the host.
  if (!commitPresent || (plan.kind === 'remove' && plan.files.length === 0)) return [];
  const wrong: string[] = [];
  if (manifestDigest === null || !equalTokens(manifestDigest, plan.manifest_digest)) wrong.push('manifest');
  if (files === null) wrong.push('files');
  else {
    const text = (file: { blob: string | null; sha256: string | null; mode: string | null }) =>
      `${file.blob} ${file.sha256} ${file.mode}`;
    const given = new Map(files.map((file) => [file.path, text(file)]));
    const planned = new Map(
      plan.files.filter((file) => file.source === 'commit').map((file) => [file.path, text(file)]),
    );
    for (const path of new Set([...given.keys(), ...planned.keys()])) {
      if (given.get(path) !== planned.get(path)) wrong.push(path);
    }
  }
  if (wrong.length === 0) return [];
  const named = wrong.slice(0, 5).join(', ') + (wrong.length > 5 ? ` and ${wrong.length - 5} more` : '');
  return [
    failure(
      EXIT_APPROVAL_MISMATCH,
      'PCTL-PLAN-CONTENT',
      `commit ${plan.source_sha.slice(0, 7)} does not give what the plan holds: ${named}`,
      planAgain(plan, plan.source_sha),
    ),
  ];
}

/** Never the older commit last, whatever order two jobs ran in. A diverged one is G-8's. */
function order({ stage, plan, provenance: { lastApplied } }: GateFacts): GateFailure[] {
  if (lastApplied === null) {
    return stage === 'under lock'
      ? [
          failure(
            EXIT_STALE,
            'PCTL-COMMIT-ORDER',
            'what was applied last is not known',
            `platformctl status ${plan.module}`,
          ),
        ]
      : [];
  }
  if (lastApplied.relation !== 'ancestor' || plan.kind === 'rollback') return [];
  return [
    failure(
      EXIT_STALE,
      'PCTL-COMMIT-OLDER',
      `commit ${plan.source_sha.slice(0, 7)} is older than ${lastApplied.sha?.slice(0, 7)}, which runs`,
      plan.kind === 'remove'
        ? `at the newer commit: ${planAgain(plan)}`
        : `platformctl rollback ${plan.module} --to ${plan.source_sha.slice(0, 12)}, or plan the newer commit`,
    ),
  ];
}
