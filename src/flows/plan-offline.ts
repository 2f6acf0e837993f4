import type { Plan } from '../manifest/types.js';
import { NONE_OF_COMPOSE } from '../plan/changes.js';
import type { PlannedFile, WantedFile } from '../plan/files.js';
import { makePlan } from '../plan/make.js';
import { hasDollar } from '../plan/named-paths.js';
import type { PlanContext } from './looks.js';
import type { Prepared } from './prepare.js';

const UNKNOWN = 'decided on the host';

/** What can be told without the host (P-8). It can never be applied. */
export async function offlinePlan(one: Prepared, context: PlanContext): Promise<Plan> {
  const contents = await context.read(one.wanted.files.flatMap((file) => (file.entry ? [file.entry.path] : [])));
  const { sha256 } = await import('../plan/artifact.js');
  const files = one.wanted.files.map((file: WantedFile): PlannedFile => {
    const bytes = file.entry ? contents.get(file.entry.path) : undefined;
    return {
      path: file.path,
      source: file.source,
      role: file.role,
      blob: file.entry?.id ?? null,
      sha256: bytes ? sha256(bytes) : null,
      keyed: null,
      mode: file.entry ? (file.entry.mode === '100755' ? '0755' : '0644') : null,
    };
  });
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
