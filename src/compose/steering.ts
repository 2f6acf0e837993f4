/** Names in a `.env` with which it would steer compose or docker themselves, and not the services (P-12). */
import type { Problem } from '../errors.js';

/**
 * What the host's compose is asked about, since only it knows how it reads a `.env`. `COMPOSE_PROJECT_NAME` is not among them: compose sets that itself, from
 * `-p`; nor `DOCKER_CONFIG`, which the host's own environment may hold.
 */
export const STEERING: readonly string[] = [
  ...`ANSI API_VERSION BAKE COMPATIBILITY CONVERT_WINDOWS_PATHS DISABLE_ENV_FILE DOCKER_CLI_BUILD ENV_FILES EXPERIMENTAL EXPERIMENTAL_GIT_REMOTE
  EXPERIMENTAL_OCI_REMOTE FILE HTTP_TIMEOUT IGNORE_ORPHANS MENU PARALLEL_LIMIT PATH_SEPARATOR PROFILES PROGRESS REMOVE_ORPHANS STATUS_STDOUT
  TLS_VERSION`
    .split(/\s+/)
    .map((name) => `COMPOSE_${name}`),
  ...`API_VERSION AUTH_CONFIG BUILDKIT CERT_PATH CONTENT_TRUST CONTENT_TRUST_SERVER CONTEXT DEFAULT_PLATFORM HOST ORCHESTRATOR TLS TLS_VERIFY`
    .split(/\s+/)
    .map((name) => `DOCKER_${name}`),
];

/** Where compose can begin to read a name: at a line's start, whatever white space it takes there, and behind a closing quote. */
const NAMED = /(?:^|['"])[^A-Za-z0-9_#'"\n]*(?:export[^A-Za-z0-9_\n]+)?((?:COMPOSE|DOCKER)_[A-Za-z0-9_]*)/gm;

/** What steers in the text of a `.env` of the commit. A doubt, such as a value of several lines, is decided against the file. */
export function steeringProblems(text: string, file: string): Problem[] {
  return [...text.matchAll(NAMED)].slice(0, 20).map((match) => {
    const name = match[1] ?? '';
    const before = text.slice(0, match.index + match[0].length - name.length).split('\n');
    return {
      code: 'PCTL-DOTENV-STEERS',
      file,
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
      message: `${name} would steer compose itself`,
      hint: 'take it out of the .env',
    };
  });
}
