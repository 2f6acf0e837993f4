import { entriesFromVariables } from '../compose/diff.js';
import { bothPasses, judgeResolved } from '../compose/policy.js';
import { readSkeleton } from '../compose/skeleton.js';
import { STEERING } from '../compose/steering.js';
import type { ComposeGroup, FirstRound } from '../execute/observe.js';
import { EXIT_INVALID } from '../exits.js';
import { folderOf } from '../manifest/paths.js';
import type { Status } from '../manifest/types.js';
import { dotenvOf, onHost, wantedFiles } from '../plan/files.js';
import { deliveredFiles } from './delivered.js';
import { denialFailures } from './denials.js';
import { keptQuestion } from './kept-release.js';
import { fail, type Halfway, type PlanContext } from './looks.js';
import type { Prepared } from './prepare.js';
import type { Failure } from './results.js';

/** Between the rounds: what compose resolved is judged (G-7), and what to ask next follows from it. */
export async function halfway(
  one: Prepared,
  group: ComposeGroup,
  first: FirstRound,
  status: Status | null,
  context: PlanContext,
): Promise<Halfway | { failures: Failure[] }> {
  const { module } = one;
  const id = module.id;
  const where = { file: module.composeFile };
  const answer = first.skeletons.get(group.key);
  const hashes = first.hashes.get(group.key);
  const refused = (why: string): { failures: Failure[] } => ({
    failures: [
      fail(
        id,
        'PCTL-COMPOSE-REFUSED',
        EXIT_INVALID,
        `docker compose on ${module.host} does not take ${module.composeFile}`,
        'mend the compose file, or the variables that it takes from .env',
        why,
        where,
      ),
    ],
  });
  if (typeof answer === 'object' && answer !== null && 'why' in answer && Object.keys(answer).length === 1)
    return refused(String(answer.why));
  const read = readSkeleton(answer, module.service, one.compose);
  const steering = STEERING.filter((name) => read.variables.get(name) === true);
  if (steering.length > 0) return { failures: steering.map((name) => steers(one, name)) };
  const missing = one.references.variables.filter(
    (variable) => variable.required && read.variables.get(variable.name) !== true,
  );
  if (missing.length > 0) {
    return {
      failures: missing.map((variable) =>
        fail(
          id,
          'PCTL-VARIABLE-MISSING',
          EXIT_INVALID,
          `variable ${variable.name} has no value and no default`,
          `set it in the .env beside ${module.composeFile}, or write \${${variable.name}:-default}`,
          'values come from the .env beside the compose file and from nothing else',
          variable.where,
        ),
      ),
    };
  }
  if (!(hashes instanceof Map)) return refused((hashes as { why: string } | undefined)?.why ?? 'no hash');
  const hashNow = hashes.get(module.service);
  if (!hashNow) return refused(`compose printed no hash for ${module.service}`);
  const verdict = judgeResolved(
    read.resolved,
    {
      ...one.context,
      sacredPaths: sacredThere(one, first),
      dockerGroups: first.engine.socketGroup === null ? [] : [first.engine.socketGroup],
    },
    { file: one.compose, service: module.service },
  );
  if (verdict.denials.length > 0) return { failures: denialFailures(id, verdict) };

  // Paths that held a variable are known now.
  const resolvedReferences = {
    ...one.references,
    envFiles: [
      ...one.references.envFiles,
      ...read.envFiles.map((path) => ({ path, required: true, where })),
      ...read.optionalEnvFiles.map((path) => ({ path, required: false, where })),
    ],
    files: [
      ...one.references.files,
      ...read.files.map(({ path, kind }) => ({ path, kind, where })),
      ...boundBeneath(one, read.binds),
    ],
  };
  const wanted = wantedFiles(module, one.host, resolvedReferences, one.tree);
  if (wanted.problems.length > 0) {
    return {
      failures: wanted.problems.map((problem) =>
        fail(id, problem.code, EXIT_INVALID, problem.message, problem.hint ?? null, null, problem),
      ),
    };
  }
  const delivered = await deliveredFiles(id, wanted.files, context);
  if ('failures' in delivered) return delivered;
  const { files, bytes } = delivered;
  const applied = status !== null && status.plan_digest !== null ? status : null;
  const compose = files.find((file) => file.role === 'compose');
  const lastCompose = applied?.files.find((file) => file.role === 'compose');
  // Also where the hash is the recorded one: volumes, networks, configs and secrets are in no hash. In another folder the same bytes mean other files.
  const compare = applied !== null && (lastCompose?.sha256 !== compose?.sha256 || lastCompose?.path !== compose?.path);
  const there = first.containers.some(
    (container) => container.project === one.project.name && container.service === module.service,
  );
  const dotenvPath = onHost(one.host, dotenvOf(module)) as string;
  const outside = read.binds
    .filter((bind) => !bind.source.startsWith(`${one.host.remoteRoot}/`))
    .map((bind) => bind.source);
  const last = (applied?.files ?? []).filter((file) => file.source === 'commit').map((file) => file.path);
  return {
    prepared: one,
    group,
    wanted,
    skeleton: read,
    status,
    files,
    bytes,
    hashNow,
    verdict,
    ...bothPasses(one.verdict, verdict),
    questions: {
      group,
      files: [
        ...new Set([
          ...files.filter((file) => file.source === 'commit').map((file) => file.path),
          ...wanted.mounts.map((mount) => mount.path),
          ...last,
          ...(wanted.dotenv === 'none' ? [dotenvPath] : []),
        ]),
      ],
      hostFiles: files.filter((file) => file.source === 'host').map((file) => file.path),
      image: read.image,
      release:
        compare && applied?.plan_digest
          ? { module: id, digest: applied.plan_digest, composeFile: lastCompose?.path ?? one.composeFile }
          : null,
      lastPlan:
        applied?.plan_digest && entriesFromVariables(one.compose, module.service, ['volumes', 'networks'])
          ? { module: id, digest: applied.plan_digest }
          : null,
      labelOf: applied === null && there ? module.service : null,
      binds: [...new Set(outside)],
      containerName: read.containerName,
      dotenv: wanted.dotenv === 'host' ? dotenvPath : null,
      kept: context.rollback ? keptQuestion(status, context.sourceSha, context.rollback.imageId, files) : null,
    },
  };
}

/** The policy's sacred paths and the engine's own data root (G-5), wherever it lies. */
export const sacredThere = (one: Prepared, { engine }: FirstRound): string[] => [
  ...one.context.sacredPaths,
  ...(engine.dataRoot === '' ? [] : [engine.dataRoot]),
];

/** P-12, as compose itself reads the `.env`. */
function steers({ module, wanted }: Prepared, name: string): Failure {
  const file = dotenvOf(module);
  const where = wanted.dotenv === 'host' ? { file, host: module.host } : { file };
  const summary = `${name} in the .env would steer compose itself`;
  return fail(module.id, 'PCTL-DOTENV-STEERS', EXIT_INVALID, summary, 'take it out of the .env', null, where);
}

/** An absolute path beneath remote_root as one relative to the compose file's folder. */
function relative(one: Prepared, path: string): string {
  const up = folderOf(one.composeFile)
    .split('/')
    .filter(Boolean)
    .map(() => '..');
  return [...up, path.slice(one.host.remoteRoot.length + 1)].join('/');
}

function boundBeneath(one: Prepared, binds: readonly { source: string; target: string; readOnly: boolean }[]) {
  return binds
    .filter((bind) => bind.source.startsWith(`${one.host.remoteRoot}/`))
    .map((bind) => ({
      path: relative(one, bind.source),
      kind: 'mount' as const,
      where: { file: one.module.composeFile },
    }));
}
