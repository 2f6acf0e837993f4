/** A real sshd on a port of its own, for tests of the ssh adapter: temp folder, keys of its own, one user that is not root. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface Sshd {
  readonly port: number;
  readonly user: string;
  readonly folder: string;
  /** Path of the private key that it accepts. */
  readonly key: string;
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string;
  stop(): void;
}

export const hasSshd = existsSync('/usr/sbin/sshd') && existsSync('/usr/bin/ssh-keygen');

/** Root starts it for the user platform-host-agent (made where it is not there), anybody else for himself. */
function agentUser(): { name: string; uid: number; gid: number } {
  const me = userInfo();
  if (me.uid !== 0) return { name: me.username, uid: me.uid, gid: me.gid };
  const name = 'platform-host-agent';
  try {
    execFileSync('id', [name], { stdio: 'ignore' });
  } catch {
    execFileSync('useradd', ['-m', '-s', '/bin/sh', name]);
    execFileSync('usermod', ['-p', '*', name]);
  }
  const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }));
  return { name, uid: id('-u'), gid: id('-g') };
}

export function keygen(path: string, ...options: string[]): string {
  execFileSync('ssh-keygen', [
    '-q',
    '-N',
    '',
    '-C',
    'test',
    '-f',
    path,
    ...(options.length ? options : ['-t', 'ed25519']),
  ]);
  return readFileSync(`${path}.pub`, 'utf8').trim();
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export async function startSshd(extra: readonly string[] = []): Promise<Sshd> {
  const user = agentUser();
  const folder = mkdtempSync(join(tmpdir(), 'sshd-test-'));
  chmodSync(folder, 0o755);
  const hostKey = keygen(join(folder, 'host_key')).split(' ').slice(0, 2).join(' ');
  keygen(join(folder, 'host_rsa'), '-t', 'rsa', '-b', '2048');
  const key = join(folder, 'id');
  const authorized = join(folder, 'authorized_keys');
  writeFileSync(authorized, `${keygen(key)}\n`, { mode: 0o644 });
  const port = await freePort();
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true });
  const config = join(folder, 'sshd_config');
  writeFileSync(
    config,
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${folder}/host_key`,
      `HostKey ${folder}/host_rsa`,
      `PidFile ${folder}/pid`,
      `AuthorizedKeysFile ${authorized}`,
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'StrictModes no',
      ...extra,
      '',
    ].join('\n'),
  );
  if (userInfo().uid === 0) chownSync(authorized, user.uid, user.gid);
  const child: ChildProcess = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  for (let tries = 0; tries < 100; tries++) {
    if (await accepts(port)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    user: user.name,
    folder,
    key,
    hostKey,
    stop() {
      child.kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
