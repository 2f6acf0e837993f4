/** Which environment variables platformctl reads at all (M-6). `help environment` lists them. */

export const PREFIX = 'PLATFORMCTL_';

/** Read besides `PLATFORMCTL_*`, by name. */
const ADMITTED_NAMES: readonly string[] = [
  'HOME',
  'PATH',
  'TMPDIR',
  'LANG',
  'TERM',
  'COLORTERM',
  'COLUMNS',
  'NO_COLOR',
  'CI',
  'SSH_AUTH_SOCK',
  // The forge's CI variables: which CI it is (K-5), and what locks, records and reports say of it.
  ...['FORGEJO', 'GITEA', 'GITHUB'].flatMap((forge) =>
    [
      'ACTIONS',
      'ACTOR',
      'BASE_REF',
      'EVENT_NAME',
      'EVENT_PATH',
      'HEAD_REF',
      'JOB',
      'OUTPUT',
      'REF',
      'REF_NAME',
      'REPOSITORY',
      'RUN_ATTEMPT',
      'RUN_ID',
      'RUN_NUMBER',
      'SERVER_URL',
      'SHA',
      'STEP_SUMMARY',
      'WORKFLOW',
      'WORKSPACE',
    ].map((name) => `${forge}_${name}`),
  ),
];

/** What compose runs with on a host of transport `local` (P-12); nobody else gets it. */
const FOR_LOCAL = 'DOCKER_CONFIG';

/** Read besides, by how they begin. */
const ADMITTED_PREFIXES: readonly string[] = ['XDG_', 'LC_'];

/** Names that no env file may set. The same pattern judges `env_file` in config.yaml; a test holds the two together. */
export const NEVER_FROM_ENV_FILE = /^(PATH$|HOME$|PLATFORMCTL_PHASE$|LD_|SSH_|GIT_|DOCKER_|NODE_|PYTHON)/;

/** Of the variables above what git, ssh-keygen and tailscale get: not the `PLATFORMCTL_*`, which are ours and may be secrets. */
export function isForChildren(name: string): boolean {
  return !name.startsWith(PREFIX) && name !== FOR_LOCAL && isAdmitted(name);
}

export function isAdmitted(name: string): boolean {
  return (
    name.startsWith(PREFIX) ||
    name === FOR_LOCAL ||
    ADMITTED_NAMES.includes(name) ||
    ADMITTED_PREFIXES.some((prefix) => name.startsWith(prefix))
  );
}
