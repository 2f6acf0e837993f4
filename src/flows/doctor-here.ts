/** What `doctor` looks at on this machine, beside the repo (C-7). */
import { PlatformError } from '../errors.js';
import { EXIT_TOOL_ERROR, type ExitCode } from '../exits.js';
import type { Platform } from '../manifest/model.js';
import type { World } from '../ports.js';
import type { Check } from './results.js';

/** A signature that anybody may see, over the message `doctor`, of a key that was thrown away: checking it makes ssh-keygen work. */
const SIGNATURE = `-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAglr5Cwi8cG9MYpUZzp18EXToBC1
IXydpsFd2clj0uY+oAAAAQcGxhdGZvcm1jdGwtcGxhbgAAAAAAAAAGc2hhNTEyAAAAUwAA
AAtzc2gtZWQyNTUxOQAAAEBbNTPt48h7WpgQZfumDPyCOEv2Im4tFZfi36wz0b34A69kBl
Uq7bpORRGa2cTq6EpGSirrKuObGqqNd8HPB4AH
-----END SSH SIGNATURE-----
`;

/** A check and the exit that it asks for where it failed. */
export interface Found {
  readonly check: Check;
  readonly exit: ExitCode;
}

export function local(id: string, ok: boolean, detail: string, fix: string | null = null): Found {
  return { check: { id, host: null, ok, detail, fix: ok ? null : fix }, exit: EXIT_TOOL_ERROR };
}

/** Only our own errors are findings; anything else is a bug, and main says so. */
export function failed(id: string, host: string | null, error: unknown): Found {
  if (!(error instanceof PlatformError)) throw error;
  const detail = [`${error.summary} (${error.code})`, error.why].filter((part) => part !== undefined).join('; ');
  return { check: { id, host, ok: false, detail, fix: error.hint ?? null }, exit: error.exit };
}

export async function keygenCheck(world: World): Promise<Found> {
  const fix = 'install the OpenSSH client, 8.1 or newer (sudo apt-get install openssh-client)';
  try {
    const good = (await world.signer.check(SIGNATURE, 'doctor')) !== null;
    return local('ssh-keygen', good, good ? 'checks signatures' : 'it did not take a signature that is good', fix);
  } catch (error) {
    const { check, exit } = failed('ssh-keygen', null, error);
    return { check: { ...check, fix: check.fix ?? fix }, exit };
  }
}

/** Something to connect with (M-10). Whether a host takes it, its own check tells. */
export async function identityCheck(world: World, platform: Platform): Promise<Found> {
  const remote = [...platform.hosts.values()].filter((host) => host.transport !== 'local');
  if (remote.length === 0) return local('identity', true, 'not needed: every host is this machine');
  const ways: string[] = [];
  for (const name of ['PLATFORMCTL_SSH_KEY', 'PLATFORMCTL_IDENTITY_FILE', 'PLATFORMCTL_IDENTITY_AGENT']) {
    if (world.environment.get(name)) ways.push(name);
  }
  if (remote.every((host) => host.identityFile !== null)) ways.push('identity_file');
  try {
    const { length } = await world.signer.agentKeys();
    if (length > 0) ways.push(`ssh-agent with ${length} ${length === 1 ? 'key' : 'keys'}`);
  } catch (error) {
    return failed('identity', null, error);
  }
  const none = 'no key in the environment or the config, and no ssh-agent that holds one';
  return local(
    'identity',
    ways.length > 0,
    ways.join(', ') || none,
    'eval "$(ssh-agent)"; ssh-add, or set PLATFORMCTL_IDENTITY_FILE',
  );
}
