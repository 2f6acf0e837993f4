import { PlatformError } from '../../errors.js';
import { EXIT_REMOTE_FAILED } from '../../exits.js';
import type { Environment, Tailnet } from '../../ports.js';

const STATUS_MS = 10_000;
/** A tailnet of some thousand nodes. */
const MAX_STATUS_BYTES = 16 * 1024 * 1024;

/**
 * `tailscale status --json` of this machine.
 * @param environment what the process gets of it: PATH and HOME (M-6)
 */
export function createTailnet(environment: Environment, program = 'tailscale'): Tailnet {
  return {
    async status() {
      const { execa } = await import('execa');
      const env = Object.fromEntries(['PATH', 'HOME'].map((name) => [name, environment.get(name) ?? '']));
      const result = await execa(program, ['status', '--json'], {
        env,
        extendEnv: false,
        stdin: 'ignore',
        timeout: STATUS_MS,
        forceKillAfterDelay: 1000,
        maxBuffer: MAX_STATUS_BYTES,
        reject: false,
      });
      if (result.code === 'ENOENT')
        throw unavailable(
          'the program tailscale is not installed here',
          'install tailscale, or give the host the transport ssh',
        );
      if (result.timedOut)
        throw unavailable(`tailscale status did not answer within ${STATUS_MS / 1000} s`, 'is tailscaled running?');
      try {
        // It exits 1 where the backend is stopped, and prints its status all the same.
        return JSON.parse(result.stdout) as unknown;
      } catch {
        throw unavailable('tailscale status --json printed no JSON', 'is tailscaled running? tailscale status');
      }
    },
  };
}

function unavailable(why: string, hint: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-TAILNET',
    exit: EXIT_REMOTE_FAILED,
    summary: 'the tailnet cannot be asked',
    where: { step: 'connect' },
    why,
    hint,
  });
}
