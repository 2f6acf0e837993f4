/** B-2 in a look at a host: what is asked about the release that a rollback goes back to, and what the answers mean for its plan. */
import type { Answers, KeptQuestion } from '../execute/observe.js';
import { EXIT_INVALID, EXIT_POLICY_VIOLATION, EXIT_REMOTE_FAILED, EXIT_STALE } from '../exits.js';
import type { Plan, Status } from '../manifest/types.js';
import type { PlannedFile } from '../plan/files.js';
import { hostFilesSince, keptPlan, releaseOf, volumesDiffer } from '../plan/release.js';
import { fail, type Halfway } from './looks.js';
import type { Failure } from './results.js';

/** null where no such release is kept: the plan then fails. */
export function keptQuestion(
  status: Status | null,
  sha: string,
  imageId: string | null,
  files: readonly PlannedFile[],
): KeptQuestion | null {
  const release = releaseOf(status, sha, imageId);
  if (status === null || release === null) return null;
  return {
    module: status.module,
    digest: release.plan_digest,
    current: status.plan_digest,
    files: files.filter((file) => file.source === 'commit').map((file) => file.path),
    imageId,
  };
}

export interface Kept {
  readonly destructive: readonly string[];
  readonly warnings: readonly string[];
}

/** Bytes come from the commit and have to be those that the release keeps; its image has to be there still. */
export function judgeKept(
  half: Halfway,
  answers: Answers,
  now: Pick<Plan, 'resolved' | 'files' | 'remote_root'>,
  underLock: boolean,
): Kept | { readonly failures: Failure[] } {
  const { kept: question } = half.questions;
  const { kept } = answers;
  const { module } = half.prepared;
  const refuse = (code: string, exit: 3 | 4 | 7 | 8, summary: string, why: string, hint: string) => ({
    failures: [fail(module.id, code, exit, summary, hint, why, { host: module.host })],
  });
  const again = `platformctl rollback ${module.id} --to another one`;
  if (question === null || kept === null)
    return refuse(
      'PCTL-RELEASE-UNKNOWN',
      // The plan saw it: something was applied since.
      underLock ? EXIT_STALE : EXIT_INVALID,
      'the release is no longer kept',
      'its commit with its image is not among the last 5 releases',
      again,
    );
  const status = half.status;
  const { project } = half.prepared;
  if (
    typeof status?.project === 'string' &&
    (status.project !== project.name || status.service !== module.service) &&
    status.plan_digest !== null
  )
    return refuse(
      'PCTL-RELEASE-ELSEWHERE',
      EXIT_POLICY_VIOLATION,
      `the release ran as ${module.service} of project ${project.name}; what runs is ${status.service} of ${status.project}`,
      'a rollback would start a second one beside it',
      'plan a commit that declares it as it runs',
    );
  const differing = [...kept.files].filter(
    ([path, seen]) => seen.digest !== half.files.find((file) => file.path === path)?.sha256,
  );
  if (differing.length > 0)
    return refuse(
      'PCTL-RELEASE-DAMAGED',
      EXIT_REMOTE_FAILED,
      'what is kept of the release is not what its commit has',
      differing.map(([path]) => path).join(', '),
      again,
    );
  if (!kept.hasImage)
    return refuse(
      'PCTL-RELEASE-IMAGE',
      EXIT_REMOTE_FAILED,
      `the image of the release is no longer on ${module.host}`,
      String(question.imageId),
      `pull or load it there, or ${again}`,
    );
  const running = question.current === null ? null : keptPlan(kept.current, question.current);
  const release = keptPlan(kept.plan, question.digest);
  const changed = release === null ? [] : hostFilesSince(release, answers.files);
  return {
    destructive: question.current === null ? [] : volumesDiffer(now, running),
    warnings: changed.map(
      (path) => `host file ${path} is not what that release ran with: a rollback cannot put it back`,
    ),
  };
}
