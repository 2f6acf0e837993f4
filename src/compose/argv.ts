/** the one docker compose command that changes anything, as an argument array. */
import { PlatformError } from '../errors.js';
import { EXIT_POLICY_VIOLATION } from '../exits.js';

export interface UpOptions {
  /** Absolute, checked. */
  readonly remoteRoot: string;
  /** Relative to remoteRoot. */
  readonly composeFile: string;
  readonly project: string;
  readonly service: string;
  /** `none`: compose is given an empty one (P-12); `real`: it reads the one beside the compose file; else the absolute path of one (B-1). */
  readonly envFile: string;
  /** Absolute path of a second file, which names only the service's image (B-1). */
  readonly override?: string;
  /** Absolute: the real folder, where the compose file is a kept release's (B-1). */
  readonly projectDirectory?: string;
  /** Absolute: used in place of remoteRoot/composeFile (B-1). */
  readonly composeFileAbsolute?: string;
  readonly forceRecreate: boolean;
}

/**
 * The command, beginning at `docker`; to be run in remoteRoot, under an empty environment, with /dev/null as standard input.
 * @throws PlatformError PCTL-COMPOSE-ARGUMENT (4) for a value that is empty, begins with `-`, holds a control character, or should be absolute and is not
 */
export function upArgv(options: UpOptions): string[] {
  const file = options.composeFileAbsolute ?? `${options.remoteRoot}/${checked('compose file', options.composeFile)}`;
  const argv = ['docker', 'compose'];
  if (options.projectDirectory !== undefined)
    argv.push('--project-directory', absolute('project directory', options.projectDirectory));
  if (options.envFile !== 'real')
    argv.push('--env-file', options.envFile === 'none' ? '/dev/null' : absolute('env file', options.envFile));
  argv.push('-f', absolute('compose file', file));
  if (options.override !== undefined) argv.push('-f', absolute('image override', options.override));
  argv.push('-p', checked('project', options.project), 'up', '-d', '--no-deps', '--pull', 'never');
  if (options.forceRecreate) argv.push('--force-recreate');
  argv.push(checked('service', options.service));
  return argv;
}

function absolute(what: string, value: string): string {
  if (value.startsWith('/') && !value.split('/').includes('..')) return checked(what, value);
  throw refusal(what, value, 'it must be an absolute path without ..');
}

function checked(what: string, value: string): string {
  if (value === '') throw refusal(what, value, 'it is empty');
  if (value.startsWith('-'))
    throw refusal(what, value, 'it begins with -, and the command would take it for an option');
  if (/[\x00-\x1f\x7f]/.test(value)) throw refusal(what, value, 'it holds a control character');
  return value;
}

const refusal = (what: string, value: string, why: string): PlatformError =>
  new PlatformError({
    code: 'PCTL-COMPOSE-ARGUMENT',
    exit: EXIT_POLICY_VIOLATION,
    summary: `the ${what} ${JSON.stringify(value.slice(0, 80))} cannot stand in a docker compose command`,
    why,
    hint: `choose another ${what}`,
  });
