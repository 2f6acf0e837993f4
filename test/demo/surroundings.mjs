/** Where the demo plays: a throwaway platform repo with two people and a remote, and a host that a throwaway agent key may log in to. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { labMissing, stopLabs, Unable } from '../tools/bootstrap.mjs';

const BARE = {
  PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
  LANG: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};

/** A command of the surroundings, not of the demo. @throws Unable where it fails */
export function must(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { env: BARE, encoding: 'utf8', ...options });
  if (status !== 0) throw new Unable(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout.trimEnd();
}

/** A port that nothing listens on, on this machine: the engine publishes there. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A host of a lab: an sshd of its own on 127.0.0.1, logged in to as platform-host-agent. */
function overSsh(owner) {
  const settings = JSON.parse(
    must('bash', ['test/lab/lab.sh', 'start'], {
      env: { ...process.env, PLATFORMCTL_LAB_OWNER: owner },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 600_000,
    }),
  );
  const [{ port, user, host_key, remote_root, known_hosts_line }] = settings.hosts;
  const knownHosts = join(settings.dir, 'known_hosts');
  writeFileSync(knownHosts, `${known_hosts_line}\n`);
  const login = ['-F', '/dev/null', '-i', settings.client_key, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'];
  return {
    transport: 'ssh',
    image: 'lab/busybox:1',
    config: { transport: 'ssh', address: '127.0.0.1', port, user, host_key: `"${host_key}"`, remote_root },
    env: { PLATFORMCTL_IDENTITY_FILE: settings.client_key },
    root: remote_root,
    /** As somebody with a shell on the host would. */
    shell: (command) =>
      must('ssh', [...login, '-o', `UserKnownHostsFile=${knownHosts}`, '-p', `${port}`, `${user}@127.0.0.1`, command]),
    close: () => undefined,
  };
}

/** This machine and the engine that is there. */
function overLocal() {
  if (process.platform !== 'linux') throw new Unable('the host side needs Linux (flock, setsid, /proc)');
  for (const [command, ...args] of [
    ['docker', 'info', '--format', '{{.ServerVersion}}'],
    ['docker', 'compose', 'version', '--short'],
    ['flock', '--version'],
  ]) {
    must(command, args, { env: process.env });
  }
  // Not beneath /tmp, which a packaged engine may not see; not beneath /root, which is a sacred path.
  const root = mkdtempSync(join(process.getuid() === 0 ? '/srv' : homedir(), `platformctl-demo-${process.pid}-`));
  const docker = (...args) => spawnSync('docker', args, { encoding: 'utf8' });
  const known = ['lab/busybox:1', 'busybox:1.37'].find((name) => docker('image', 'inspect', name).status === 0);
  return {
    transport: 'local',
    image: known ?? 'busybox:1.37',
    config: { transport: 'local', remote_root: root },
    // Its docker context is the caller's.
    env: { HOME: homedir(), ...(process.env.DOCKER_CONFIG ? { DOCKER_CONFIG: process.env.DOCKER_CONFIG } : {}) },
    root,
    shell: (command) => must('sh', ['-c', command]),
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The tags that hold the images of kept releases. */
function keptTags(root) {
  const modules = join(root, '.platform', 'releases');
  if (!existsSync(modules)) return [];
  return readdirSync(modules).flatMap((module) =>
    readdirSync(join(modules, module)).map((digest) => `platformctl-kept:${digest}`),
  );
}

/** Two people: alice operates and approves, bob writes changes. Signing keys are made here and vanish with the rest. */
function people(top) {
  const make = (name) => {
    const key = join(top, `${name}_key`);
    must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', key]);
    const publicKey = readFileSync(`${key}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
    return { name, email: `${name}@example.net`, key, publicKey };
  };
  return { alice: make('alice'), bob: make('bob') };
}

/** @throws Unable. `local`: asked for. */
export async function openSurroundings({ local, owner, say }) {
  const missing = local ? 'not asked for' : labMissing();
  const leftOut = missing === null ? null : `SSH: applied over transport local (${missing.replaceAll('\n', ', ')})`;
  const top = realpathSync(mkdtempSync(join(tmpdir(), `platformctl-demo-${process.pid}-`)));
  const project = `demo${process.pid}`;
  let host = null;
  const close = () => {
    if (host) {
      // By its label, so that a container which an interrupted step left behind goes too.
      const label = `label=com.docker.compose.project=${project}`;
      const ids = (kind, ...more) =>
        spawnSync('docker', [kind, 'ls', ...more, '-q', '--filter', label], { encoding: 'utf8' }).stdout?.split('\n') ??
        [];
      const remove = (kind, list, ...how) => {
        const some = list.filter((id) => id !== '');
        if (some.length > 0) spawnSync('docker', [kind, 'rm', ...how, ...some], { stdio: 'ignore' });
      };
      remove('container', ids('container', '-a'), '-f');
      remove('network', ids('network'));
      remove('image', keptTags(host.root));
      host.close();
    }
    stopLabs(owner);
    rmSync(top, { recursive: true, force: true });
  };
  try {
    say(missing === null ? 'starting a host (sshd, docker)' : 'using the docker engine of this machine');
    host = missing === null ? overSsh(owner) : overLocal();
    const { alice, bob } = people(top);
    const repo = join(top, 'repo');
    const origin = join(top, 'origin.git');
    const home = join(top, 'home');
    for (const folder of [repo, home]) mkdirSync(folder);
    const git = (...args) => must('git', args, { cwd: repo, env: { ...BARE, HOME: home } });
    git('init', '--quiet', '--initial-branch=main');
    must('git', ['init', '--quiet', '--bare', '--initial-branch=main', origin]);
    git('remote', 'add', 'origin', origin);
    for (const [key, value] of Object.entries({
      'user.name': alice.name,
      'user.email': alice.email,
      'gpg.format': 'ssh',
      'user.signingkey': alice.key,
    })) {
      git('config', key, value);
    }
    return {
      ...host,
      leftOut,
      repo,
      project,
      port: await freePort(),
      people: { alice, bob },
      env: { PATH: BARE.PATH, LANG: BARE.LANG, HOME: home, CI: 'true', ...host.env },
      read: (path) => readFileSync(join(repo, path), 'utf8'),
      write(path, text) {
        mkdirSync(dirname(join(repo, path)), { recursive: true });
        writeFileSync(join(repo, path), text);
      },
      /** Commits everything as bob and pushes: alice may then approve what she did not write. */
      publish(message) {
        git('add', '--all');
        git('-c', `user.name=${bob.name}`, '-c', `user.email=${bob.email}`, 'commit', '--quiet', '-m', message);
        git('push', '--quiet', 'origin', 'HEAD:main');
        return git('log', '-1', '--format=%h %s (%an)');
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
