/** What a host's answer means, as checks with the command that mends each (C-7). Pure. */
import type { HostConfig } from '../manifest/model.js';
import type { HostDescription } from '../ports.js';
import { quote } from '../quote.js';
import type { HostAnswer } from './doctor-answer.js';
import { chown, type Make, type ModuleFiles, moduleChecks, type Questions } from './doctor-modules.js';
import type { Check } from './results.js';

/** Seconds that a host's clock may be away from ours: signatures' dates and the order of records are judged by it. */
const MAX_SKEW_SECONDS = 30;
/** KiB: room for images, staged files and kept releases. */
const MIN_DISK_KIB = 1024 * 1024;
const TOOLS = ['flock', 'setsid', 'timeout', 'sha256sum', 'readlink', 'stat', 'truncate', 'dd'];

/** @param asked seconds since 1970 before the question and after the answer */
export function hostChecks(
  host: HostConfig,
  description: HostDescription,
  answer: HostAnswer,
  modules: readonly ModuleFiles[],
  { numbers }: Questions,
  asked: { readonly before: number; readonly after: number },
): Check[] {
  const check = (id: string, ok: boolean, detail: string, fix: string | null = null): Check => ({
    id,
    host: host.name,
    ok,
    detail,
    fix: ok ? null : fix,
  });
  const account = answer.user;
  const checks: Check[] = [
    userCheck(check, description, answer),
    engineCheck(check, answer),
    composeCheck(check, answer),
  ];

  const missing = TOOLS.filter((tool) => answer.tools.get(tool) === false);
  checks.push(
    check(
      'tools',
      missing.length === 0,
      missing.length === 0
        ? `${TOOLS.join(', ')} work`
        : `${missing.join(', ')} missing, or without what is needed of it`,
      'sudo apt-get install coreutils util-linux (or what has them on this system)',
    ),
    check(
      'http-client',
      answer.http !== 'none',
      answer.http === 'none' ? 'no curl, wget or busybox: smoke.http cannot be tested' : answer.http,
      'sudo apt-get install curl',
    ),
  );
  checks.push(rootCheck(check, host, answer, account));
  if (answer.diskKib !== null) {
    checks.push(
      check(
        'disk',
        answer.diskKib >= MIN_DISK_KIB,
        `${(answer.diskKib / 1024 / 1024).toFixed(1)} GiB free under ${host.remoteRoot}`,
        'docker system df shows what uses it; docker image prune',
      ),
    );
  }
  const skew = answer.now < asked.before ? asked.before - answer.now : Math.max(0, answer.now - asked.after);
  checks.push(
    check(
      'clock',
      skew <= MAX_SKEW_SECONDS,
      skew === 0 ? 'as here' : `${Math.round(skew)} s away from here`,
      'sudo timedatectl set-ntp true, here or there',
    ),
  );
  const ended = answer.session.ends === 'kills' && !answer.session.linger;
  checks.push(
    check(
      'session',
      !ended,
      ended
        ? 'systemd ends what a user leaves behind (KillUserProcesses=yes): a lost connection could end a run'
        : answer.session.ends === 'unknown'
          ? 'whether systemd ends what a user leaves behind is not known'
          : 'what a user leaves behind goes on',
      `sudo loginctl enable-linger ${quote(account)}`,
    ),
  );
  for (const module of modules) checks.push(...moduleChecks(check, host, answer, account, module, numbers.get(module)));
  return checks;
}

function userCheck(check: Make, description: HostDescription, answer: HostAnswer): Check {
  const local = description.transport === 'local';
  if (answer.uid === 0) {
    return check(
      'user',
      local,
      local ? 'root: what is written will belong to root' : `${answer.user} is root there (uid 0)`,
      'sudo useradd -m -s /bin/sh -G docker platform-host-agent, and name it in the config',
    );
  }
  return check('user', true, `${answer.user} (uid ${answer.uid})`);
}

function engineCheck(check: Make, { docker, user }: HostAnswer): Check {
  const root = 'whoever may use docker is root on that machine: group docker equals root';
  switch (docker.state) {
    case 'ok':
      return check('docker', true, `engine ${docker.version}; ${root}`);
    case 'denied':
      return check(
        'docker',
        false,
        `${user} may not use the engine's socket (${root})`,
        `sudo usermod -aG docker ${quote(user)}`,
      );
    case 'missing':
      return check('docker', false, 'there is no docker', 'sudo apt-get install docker.io (or docker-ce)');
    case 'silent':
      return check('docker', false, 'the engine did not answer within 10 s', 'sudo systemctl restart docker');
    case 'failed':
      return check('docker', false, 'the engine does not answer', 'sudo systemctl start docker');
  }
}

function composeCheck(check: Make, { compose }: HostAnswer): Check {
  const fix = 'sudo apt-get install docker-compose-plugin (Debian: docker-compose)';
  if (compose === null) return check('compose', false, 'docker compose does not work', fix);
  return check('compose', Number.parseInt(compose, 10) >= 2, `compose ${compose}`, `version 2 is needed: ${fix}`);
}

function rootCheck(check: Make, host: HostConfig, answer: HostAnswer, account: string): Check {
  const path = quote(host.remoteRoot);
  const make = `sudo install -d -o ${quote(account)} ${path}`;
  const pushes = host.delivery === 'push';
  switch (answer.root.state) {
    case 'ok':
      return answer.worktree && pushes
        ? check(
            'remote-root',
            false,
            `${host.remoteRoot} is a git work tree: nothing is pushed into one`,
            `delivery: verify for ${host.name} in .platform/config.yaml`,
          )
        : check('remote-root', true, `${host.remoteRoot} can be written`);
    case 'absent':
      return check('remote-root', true, `${host.remoteRoot} is not there yet; the first apply makes it`);
    case 'symlink':
      return check(
        'remote-root',
        false,
        `${host.remoteRoot}/.platform is a symlink`,
        `rm ${quote(`${host.remoteRoot}/.platform`)}`,
      );
    case 'impossible':
      return check('remote-root', false, `${host.remoteRoot} is not there and ${account} cannot make it`, make);
    case 'unwritable':
      return check(
        'remote-root',
        false,
        `${account} cannot write ${answer.root.path}`,
        chown(account, answer.root.path ?? host.remoteRoot),
      );
  }
}
