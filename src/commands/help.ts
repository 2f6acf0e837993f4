/** Help topics that are no command: made from the tables that they describe (C-5). */
import { PlatformError } from '../errors.js';
import { EXIT_NO_CHANGES, EXIT_TOOL_ERROR, EXITS, type ExitCode } from '../exits.js';
import type { World } from '../ports.js';

export function exitCodesText(): string {
  const rows = EXITS.map((exit) => `  ${String(exit.code).padStart(3)}  ${exit.name.padEnd(28)} ${exit.meaning}`);
  const order = [...EXITS].sort((a, b) => b.severity - a.severity).map((exit) => exit.code);
  return `Mind: terraform plan -detailed-exitcode has 1 and 2 the other way round (there 1 is an error and 2 means changes).

${rows.join('\n')}

Where several results make one exit, the worst wins: ${order.join(', ')}.

An applied change is 9, never 0. In a script:

  platformctl apply web
  rc=$?; [ $rc = 9 ] || exit $rc
`;
}

export const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['PLATFORMCTL_PHASE', 'the fuse: 05 lets an apply of one plan change a host. Never read from --env-file'],
  ['PLATFORMCTL_POLICY_REF', 'as --policy-ref'],
  ['PLATFORMCTL_SSH_KEY', 'the private SSH key itself (CI): kept in memory, never on disk'],
  ['PLATFORMCTL_IDENTITY_FILE', "an SSH private key's path"],
  ['PLATFORMCTL_IDENTITY_AGENT', "an SSH agent's socket"],
  ['SSH_AUTH_SOCK', 'the agent, where none of the above is set'],
  ['DOCKER_CONFIG', "docker's settings and plugins, for hosts of transport local"],
  ['HOME PATH TMPDIR XDG_* LANG LC_*', 'as everywhere; git, ssh-keygen and tailscale get these and nothing else'],
  ['TERM COLORTERM COLUMNS NO_COLOR CI', 'how output looks'],
  ['FORGEJO_* GITEA_* GITHUB_*', "the forge's CI variables: who runs, and the run's URL"],
];

export function environmentText(): string {
  const width = Math.max(...ENVIRONMENT.map(([name]) => name.length));
  return `No setting comes from a variable without the prefix PLATFORMCTL_. These are read:

${ENVIRONMENT.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}`).join('\n')}

Besides, what token_env or env:NAME in a manifest names; it is taken out of the environment of every program that platformctl starts.
Nothing of the environment reaches a host. --env-file FILE adds PLATFORMCTL_* variables from a file; other keys in it are skipped.
`;
}

/** The text of a topic, null where it is none. */
export function topicText(topic: string | undefined): string | null {
  if (topic === 'exit-codes') return exitCodesText();
  if (topic === 'environment') return environmentText();
  return null;
}

/** `platformctl help TOPIC`: commands are known to the command tree and never come here. */
export async function run(world: World, args: string[]): Promise<ExitCode> {
  const text = args.length === 1 ? topicText(args[0]) : null;
  if (text === null) {
    throw new PlatformError({
      code: 'PCTL-USAGE',
      exit: EXIT_TOOL_ERROR,
      summary: `there is no command or topic '${args.join(' ')}'`,
      hint: 'platformctl -h; platformctl help exit-codes; platformctl help environment',
    });
  }
  world.terminal.out(text);
  return EXIT_NO_CHANGES;
}
