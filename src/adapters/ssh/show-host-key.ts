/** As far as the host key and no further: what a machine shows before anything is said to it. Nobody is authenticated, nothing is trusted. */
import ssh2 from 'ssh2';
import { PlatformError } from '../../errors.js';
import { EXIT_REMOTE_FAILED } from '../../exits.js';
import type { HostKeyTarget, ShownHostKey } from '../../ports.js';
import { hostKeyAlgorithms } from './host-key.js';
import { reasonOf, SESSION_LIMITS } from './session.js';
import { blobKind, fingerprint } from './wire.js';

const NO_PINS = { trusted: [], revoked: [], authority: false, source: null };

/** @throws PlatformError PCTL-HOST-CONNECT (7): not reached, no SSH server, or no host key of a kind that we take, within the limit */
export function showHostKey(
  target: HostKeyTarget,
  connectMs: number = SESSION_LIMITS.connectMs,
): Promise<ShownHostKey> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    const fail = (why: string): void => {
      clearTimeout(timer);
      client.destroy();
      reject(notShown(target, why));
    };
    const timer = setTimeout(() => fail(`no SSH server answered within ${Math.round(connectMs / 1000)} s`), connectMs);
    // Both stay for good; once the key was shown the promise is settled and they say nothing.
    client.on('error', (error) => fail(reasonOf(error, false)));
    client.on('close', () => fail('it closed the connection during the key exchange'));
    client.connect({
      host: target.address,
      port: target.port,
      username: 'nobody',
      readyTimeout: 0,
      algorithms: { serverHostKey: hostKeyAlgorithms(NO_PINS) as never },
      hostVerifier: (key: Buffer) => {
        const kind = blobKind(key);
        if (kind === null) return false;
        clearTimeout(timer);
        resolve({ kind, fingerprint: fingerprint(key), line: `${kind} ${key.toString('base64')}` });
        return false;
      },
    });
  });
}

function notShown(target: HostKeyTarget, why: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-HOST-CONNECT',
    exit: EXIT_REMOTE_FAILED,
    summary: `${target.name} cannot be reached at ${target.address} port ${target.port}`,
    where: { host: target.name, step: 'connect' },
    why,
    hint: 'is it the right --address and --port?',
  });
}
