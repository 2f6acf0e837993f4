import { isClock } from '../compose/rules-paths.js';
import type { Answers, FirstRound } from '../execute/observe.js';
import { EXIT_INVALID, EXIT_POLICY_VIOLATION, EXIT_REMOTE_FAILED, type ExitCode } from '../exits.js';
import { sacredReason } from '../manifest/paths.js';
import type { FileSeen } from '../plan/observation.js';
import { sacredThere } from './between-rounds.js';
import { fail, type Halfway } from './looks.js';
import type { Failure } from './results.js';

const CHOWN = (root: string, path: string, user: string): string => `as root there: chown ${user} ${root}/${path}`;

/** What is on the host that must not be, or is not and must be (M-8, P-15, G-5). */
export function hostProblems(half: Halfway, answers: Answers, first: FirstRound): Failure[] {
  const { prepared: one } = half;
  const id = one.module.id;
  const root = one.host.remoteRoot;
  const failures: Failure[] = [];
  const add = (
    code: string,
    exitCode: ExitCode,
    summary: string,
    hint: string,
    where: Failure['where'] = null,
  ): void => {
    failures.push(fail(id, code, exitCode, summary, hint, null, where ?? { host: one.module.host, step: 'observe' }));
  };
  const linked = (path: string, seen: FileSeen | undefined): boolean => {
    if (seen?.kind !== 'symlink' && seen?.kind !== 'outside') return false;
    const what =
      seen.kind === 'symlink' ? 'is a symlink on the host' : 'lies behind a symlink that leads out of remote_root';
    add('PCTL-GATE-SYMLINK', EXIT_POLICY_VIOLATION, `${root}/${path} ${what}`, 'put the real file or folder there');
    return true;
  };
  for (const file of half.files) {
    const seen = answers.files.get(file.path);
    if (linked(file.path, seen)) continue;
    if (file.source === 'host' && seen?.kind !== 'file') {
      if (seen?.kind === 'unreadable')
        add(
          'PCTL-HOST-FILE-UNREADABLE',
          EXIT_REMOTE_FAILED,
          `host file ${root}/${file.path} cannot be read by the agent`,
          `as root there: chgrp ${first.engine.user} ${root}/${file.path} && chmod g+r ${root}/${file.path}`,
        );
      else
        add(
          'PCTL-HOST-FILE-MISSING',
          EXIT_REMOTE_FAILED,
          `host file ${root}/${file.path} is ${seen?.kind === 'folder' ? 'a folder' : 'missing'} on ${one.module.host}`,
          'put it there by hand: platformctl never writes host files',
        );
    } else if (file.source === 'commit' && seen?.kind === 'unreadable') {
      add(
        'PCTL-HOST-UNREADABLE',
        EXIT_REMOTE_FAILED,
        `${root}/${file.path} cannot be read by the agent`,
        CHOWN(root, file.path, first.engine.user),
      );
    } else if (file.source === 'commit' && (seen?.kind === 'folder' || seen?.kind === 'other')) {
      add(
        'PCTL-HOST-NOT-A-FILE',
        EXIT_REMOTE_FAILED,
        `${root}/${file.path} is ${seen.kind === 'folder' ? 'a folder' : 'no file'} on ${one.module.host}`,
        'the engine makes a folder where a mounted file was missing: remove it there, if it is empty',
      );
    }
  }
  for (const mount of half.wanted.mounts) {
    const seen = answers.files.get(mount.path);
    if (linked(mount.path, seen)) continue;
    if (mount.looksLikeFile && seen?.kind === 'absent') {
      add(
        'PCTL-MOUNT-MISSING',
        EXIT_REMOTE_FAILED,
        `${mount.path} is neither in the commit, nor in host_files, nor on ${one.module.host}`,
        `commit it, or put it on the host and list it in host_files of ${one.module.manifestPath}`,
        mount.where,
      );
    }
  }
  for (const [path, seen] of answers.binds) {
    const itself = seen.path === path || isClock(path, seen.path);
    const sacred = itself ? null : sacredReason(seen.path, sacredThere(one, first));
    const allowed = half.exceptions.some(
      (exception) =>
        (exception.rule === 'bind_sacred' || exception.rule === 'docker_socket') && exception.value === path,
    );
    if (sacred !== null && !allowed)
      add(
        'PCTL-GATE-SACRED',
        EXIT_POLICY_VIOLATION,
        `${path} leads to ${seen.path} on ${one.module.host}: ${sacred}`,
        'mount something else',
      );
  }
  if (answers.named !== null && answers.named !== `${one.project.name}/${one.module.service}`) {
    add(
      'PCTL-COMPOSE-CONTAINER-NAME',
      EXIT_POLICY_VIOLATION,
      `container_name ${half.skeleton.containerName} belongs to ${answers.named} on ${one.module.host}`,
      'choose another container_name',
    );
  }
  for (const name of answers.steering) {
    add(
      'PCTL-DOTENV-STEERS',
      EXIT_INVALID,
      `${name} in the .env on ${one.module.host} would steer compose itself`,
      'take it out of the .env',
      { file: half.questions.dotenv ?? '.env', host: one.module.host },
    );
  }
  const engine = first.engine;
  if (engine.uid === 0 && one.host.transport !== 'local') {
    add(
      'PCTL-GATE-HOST',
      EXIT_POLICY_VIOLATION,
      `${one.host.user} is root on ${one.module.host} (uid 0): that is refused from afar, whatever it is called`,
      'make an account in group docker; the default name is platform-host-agent',
    );
  }
  if (one.module.delivery === 'push' && engine.workTree !== null) {
    add(
      'PCTL-DELIVERY-WORKTREE',
      EXIT_POLICY_VIOLATION,
      `${root} on ${one.module.host} is a git work tree; platformctl does not write into it`,
      'set delivery: verify, and let what pulls it go on pulling',
    );
  }
  const http = one.module.smoke.http;
  if (http && (engine.http === 'none' || (engine.http === 'nc' && !http.url.startsWith('http://')))) {
    add(
      'PCTL-HOST-HTTP',
      EXIT_REMOTE_FAILED,
      `smoke.http needs curl or wget on ${one.module.host}`,
      'install curl there',
    );
  }
  return [...failures, ...takenOver(half, answers)];
}

/** What the record of the last apply says that this commit must not pass over: another target, and files that were the host's own or are still mounted. */
function takenOver(half: Halfway, answers: Answers): Failure[] {
  const { prepared: one, status } = half;
  const { id, host, service } = one.module;
  if (status === null || status.plan_digest === null) return [];
  const failures: Failure[] = [];
  if (typeof status.project === 'string' && (status.project !== one.project.name || status.service !== service)) {
    failures.push(
      fail(
        id,
        'PCTL-TARGET-MOVED',
        EXIT_POLICY_VIOLATION,
        `${id} runs on ${host} as ${status.service} of project ${status.project}; the commit declares ${service} of project ${one.project.name}`,
        `keep both names, or first platformctl plan ${id} --remove; data in named volumes belongs to the old project`,
        'a second one would be started beside it',
      ),
    );
  }
  for (const last of status.files) {
    const seen = answers.files.get(last.path);
    const wanted = half.files.find((file) => file.path === last.path);
    if (last.source === 'host' && wanted?.source === 'commit' && seen?.kind === 'file' && seen.digest !== wanted.sha256)
      failures.push(
        fail(
          id,
          'PCTL-HOST-FILE-WRITTEN',
          EXIT_POLICY_VIOLATION,
          `${one.host.remoteRoot}/${last.path} was a host file, and the commit would overwrite it`,
          'move it away there by hand, or keep it in host_files',
          'platformctl never writes host files',
        ),
      );
    const mount = half.wanted.mounts.find(({ path, looksLikeFile }) => path === last.path && looksLikeFile);
    if (mount && last.delivered === true && wanted === undefined)
      failures.push(
        fail(
          id,
          'PCTL-MOUNT-MISSING',
          EXIT_REMOTE_FAILED,
          `${last.path} is mounted, and the commit no longer has it`,
          `commit it, or take the mount out of ${one.composeFile}`,
          null,
          mount.where,
        ),
      );
  }
  return failures;
}
