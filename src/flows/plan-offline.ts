import type { Plan } from '../manifest/types.js';
import { sha256 } from '../plan/artifact.js';
import { NONE_OF_COMPOSE } from '../plan/changes.js';
import { makePlan } from '../plan/make.js';
import { hasDollar } from '../plan/named-paths.js';
import { deliveredFiles } from './delivered.js';
import type { PlanContext } from './looks.js';
import type { Prepared } from './prepare.js';
import type { Failure } from './results.js';

const UNKNOWN = 'decided on the host';

/** What can be told without the host (P-8). It can never be applied. */
export async function offlinePlan(one: Prepared, context: PlanContext): Promise<Plan | { failures: Failure[] }> {
  const delivered = await deliveredFiles(one.module.id, one.wanted.files, context);
  if ('failures' in delivered) return delivered;
  const { files } = delivered;
  const image = one.compose.services.get(one.module.service)?.image;
  return makePlan({
    version: context.version,
    createdAt: context.createdAt,
    kind: 'apply',
    module: one.module,
    host: one.host,
    project: one.project,
    composeFile: one.composeFile,
    sourceSha: context.sourceSha,
    sourceDirty: context.dirty(one, files),
    manifestDigest: sha256(one.manifest),
    policy: context.policyOf(one),
    files,
    folders: [],
    imageReference: typeof image === 'string' && !hasDollar(image) ? image : UNKNOWN,
    resolved: Object.fromEntries(one.verdict.open.map((position) => [position, UNKNOWN])),
    hasHealthcheck: one.references.hasHealthcheck,
    stopGraceSeconds: one.references.stopGraceSeconds,
    observation: null,
    changes: {
      changes: [
        { target: `compose.service.${one.module.service}`, action: 'update', reasons: [`offline: ${UNKNOWN}`] },
      ],
      ...NONE_OF_COMPOSE,
    },
    alsoAffected: [],
    destructive: [],
    verdict: one.verdict,
    warnings: [],
  });
}
