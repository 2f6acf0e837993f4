/** B-1: how a run puts back what was there before, rendered beforehand. Pure. */
import { type UpOptions, upArgv } from '../compose/argv.js';
import { folderOf } from '../manifest/paths.js';
import type { Plan, Status } from '../manifest/types.js';
import { conditionOf, madeElsewhere, type Observation } from '../plan/observation.js';
import { composeFileOf } from '../plan/removal.js';

/** `cannot`: no release is kept; `asfound`: it neither ran nor was it stopped. */
export type Back = 'nothing' | 'cannot' | 'running' | 'stopped' | 'asfound';

/** How what was there before is to be again (B-1). */
export function backOf(plan: Plan, observation: Observation): Back {
  const condition = conditionOf(observation.containers, observation.engine.now);
  if (condition === 'absent') return 'nothing';
  if (plan.delivery === 'verify' && !observation.status?.plan_digest) return 'cannot';
  if (madeElsewhere(observation, plan.compose_file)) return 'cannot';
  if (condition === 'running' || condition === 'healthy' || condition === 'starting') return 'running';
  return condition === 'stopped' || condition === 'created' || condition === 'paused' ? 'stopped' : 'asfound';
}

/** The compose file of what ran before: the recorded one, or that of a service which is taken over. */
const composeBefore = (plan: Plan, status: Status | null): string =>
  status?.plan_digest ? composeFileOf(status) : plan.compose_file;

/**
 * B-1: the compose file and the `.env` that the container of before was made from. Where it is still the one of the last apply and they are no longer, as when another
 * module of that file was applied since, those of the kept release: what this run swaps is back by then, and is not them.
 */
function madeFrom(
  plan: Plan,
  { status, files, containers }: Observation,
): Pick<UpOptions, 'composeFile' | 'envFile' | 'composeFileAbsolute' | 'projectDirectory'> {
  const composeFile = composeBefore(plan, status);
  if (!status?.plan_digest) return { composeFile, envFile: 'real' };
  const folder = folderOf(composeFile);
  const tree = `${plan.remote_root}/.platform/releases/${plan.module}/${status.plan_digest}/tree`;
  const [old] = containers;
  const ours = containers.length === 1 && old?.configHash != null && old.configHash === status.container_hash;
  const replaced = (file: Status['files'][number] | undefined): boolean =>
    ours && file?.source === 'commit' && files.get(file.path)?.digest !== file.sha256;
  const dotenv = status.files.find((file) => file.role === 'dotenv');
  return {
    composeFile,
    envFile: !dotenv ? 'none' : replaced(dotenv) ? `${tree}/${dotenv.path}` : 'real',
    ...(plan.delivery === 'verify' || replaced(status.files.find((file) => file.role === 'compose'))
      ? {
          composeFileAbsolute: `${tree}/${composeFile}`,
          projectDirectory: folder === '' ? plan.remote_root : `${plan.remote_root}/${folder}`,
        }
      : {}),
  };
}

/** B-1: the previous image by its id, over the files that were put back. */
export function backCommand(plan: Plan, observation: Observation, override: string, back: Back): string[] {
  const argv = upArgv({
    remoteRoot: plan.remote_root,
    ...madeFrom(plan, observation),
    project: plan.project,
    service: plan.service,
    override,
    forceRecreate: true,
  });
  return back === 'stopped' ? argv.map((word) => (word === '-d' ? '--no-start' : word)) : argv;
}
