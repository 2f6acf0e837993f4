/** G-5: paths that platformctl never writes, mounts or executes from, whoever asks. */
import { EXIT_POLICY_VIOLATION } from '../exits.js';
import { isBeneath, normalise, sacredReason } from '../manifest/paths.js';
import type { GateFacts } from './facts.js';
import { failure, type GateFailure, type GateVerdict, verdict } from './verdict.js';

export function sacredGate(facts: GateFacts): GateVerdict {
  const { plan, platform, paths, stage } = facts;
  const more = [...platform.policy.sacredPaths, ...(paths ? [paths.engineRoot] : [])];
  const failures: GateFailure[] = [];
  for (const root of [plan.remote_root, ...platform.policy.bindRoots])
    failures.push(...chosenRoot(root, more, 'config.yaml'));
  const root = normalise(plan.remote_root) ?? '/';
  const named = new Set([plan.compose_file, ...plan.files.map((file) => file.path), ...plan.folders]);
  for (const change of plan.changes)
    if (change.target.startsWith('file.')) named.add(change.target.slice('file.'.length));
  for (const path of named) failures.push(...beneathRoot(root, path, more));
  if (paths) {
    failures.push(...chosenRoot(paths.realRoot, more, `${plan.host}, where ${plan.remote_root} leads`));
    for (const path of paths.outside)
      failures.push(outside(path, `leads out of ${plan.remote_root} through a link on ${plan.host}`));
  } else if (stage === 'under lock') {
    failures.push(
      failure(EXIT_POLICY_VIOLATION, 'PCTL-GATE-SACRED', `where the paths lead on ${plan.host} is not known`, null),
    );
  }
  return verdict('G-5', 'sacred paths', failures);
}

function chosenRoot(root: string, more: readonly string[], where: string): GateFailure[] {
  const reason = sacredReason(root, more);
  if (reason === null) return [];
  const why = `${JSON.stringify(root)} (${where}): ${reason}`;
  return [failure(EXIT_POLICY_VIOLATION, 'PCTL-GATE-SACRED', why, 'choose another folder, such as /opt/platform')];
}

function beneathRoot(root: string, path: string, more: readonly string[]): GateFailure[] {
  const full = path.startsWith('/') ? null : normalise(`${root}/${path}`);
  if (full === null || full === root || !isBeneath(full, root) || path.split('/').includes('..')) {
    return [outside(path, `does not lie beneath ${root}`)];
  }
  const reason = sacredReason(full, more);
  if (reason === null) return [];
  const hint = 'platformctl never writes there; move it to another path of the repo';
  return [failure(EXIT_POLICY_VIOLATION, 'PCTL-GATE-SACRED', `${full}: ${reason}`, hint)];
}

const outside = (path: string, why: string): GateFailure =>
  failure(
    EXIT_POLICY_VIOLATION,
    'PCTL-GATE-OUTSIDE',
    `${JSON.stringify(path)} ${why}`,
    'name a plain path beneath remote_root, without links',
  );
