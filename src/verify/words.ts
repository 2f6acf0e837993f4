/** The reason words of finish.sh for people (V-1, V-4, B-1). */

const WORDS: Readonly<Record<string, string>> = {
  healthy: 'it is healthy',
  unhealthy: 'the container turned unhealthy',
  restarted: 'the container restarted',
  no_container: 'compose left no container',
  several_containers: 'compose left several containers of the service',
  timeout: 'it did not run within the time limit',
  still_starting: 'its healthcheck never said healthy within the time limit',
  engine_silent: 'the engine did not answer',
  other_image: 'another image than the plan runs',
  not_recreated: 'the container was not recreated, so it reads the old files',
  file_changed: 'a file on the host is not what the plan says',
  mode_changed: 'a file on the host does not have the mode that the plan says',
  files_not_back: 'files could not be put back',
  not_removed: 'the new container could not be removed',
  not_gone: 'a container of the service is still there',
  removed: 'it is gone',
  no_release_kept: 'no earlier release is kept to go back to',
  swap: 'a file could not be swapped in',
  keep: 'a file could not be kept for a roll back',
  folder: 'a folder could not be made',
  supervisor_ended: 'the supervisor on the host ended before the run did',
  never_started: 'the line was lost before the run could start',
  not_recorded: 'the host could not write its record',
  interrupted: 'the run never recorded its end',
  no_room: 'the host could not make the files that a roll back needs',
  no_settings: 'what the host should do could not be read there',
  no_root: 'remote_root cannot be entered',
};

function one(reason: string): string {
  const known = WORDS[reason];
  if (known) return known;
  const match = /^([a-z_]+)_([0-9]+|none)$/.exec(reason);
  switch (match?.[1]) {
    case 'exited':
      return `the container exited with code ${match[2]}`;
    case 'restarting':
      return `the container restarts in a loop, exit code ${match[2]}`;
    case 'dead':
      return 'the container is dead';
    case 'compose':
      return match[2] === '124'
        ? 'docker compose did not end within its time limit'
        : `docker compose failed with ${match[2]}`;
    case 'remove':
      return match[2] === '124'
        ? 'the container did not stop within the time limit'
        : `docker could not remove the container (${match[2]})`;
    case 'supervisor_ended':
      return `${WORDS.supervisor_ended}, with ${match[2]}`;
    case 'http':
      return match[2] === 'none' || match[2] === '000'
        ? 'the smoke URL did not answer'
        : `the smoke URL answered ${match[2]}`;
    default:
      return reason;
  }
}

/** `exited_3:not_removed`: why it failed, and why putting back failed. */
export const whyWords = (reason: string): string => reason.split(':').map(one).join('; then ');
