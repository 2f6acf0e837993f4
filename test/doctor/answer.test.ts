import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HostAnswer, parseAnswer } from '../../src/flows/doctor-answer.js';
import { hostChecks } from '../../src/flows/doctor-host.js';
import { type ModuleFiles, questions } from '../../src/flows/doctor-modules.js';
import { hostConfig } from './parts.js';

const GOOD = [
  'user agent',
  'uid 1001',
  'now 1795509318',
  'docker ok 20.10.24+dfsg1',
  'compose 2.26.1-4',
  'tool flock yes',
  'http curl',
  'root ok',
  'disk 82624428',
  'session keeps no',
  'file 1 ok',
  'file 2 folder /opt/platform/a b',
  'hostfile 3 absent',
  'dotenv 4 present',
];
const answered = (...lines: readonly string[]): HostAnswer => parseAnswer(`${lines.join('\n')}\ndone\n`, 'box');

describe('the answer of check.sh', () => {
  test('is read', () => {
    expect(answered(...GOOD)).toEqual({
      user: 'agent',
      uid: 1001,
      now: 1795509318,
      docker: { state: 'ok', version: '20.10.24+dfsg1' },
      compose: '2.26.1-4',
      tools: new Map([['flock', true]]),
      http: 'curl',
      root: { state: 'ok', path: null },
      worktree: false,
      diskKib: 82624428,
      session: { ends: 'keeps', linger: false },
      files: new Map([
        [1, [{ state: 'ok', path: null }]],
        [2, [{ state: 'folder', path: '/opt/platform/a b' }]],
      ]),
      hostFiles: new Map([[3, 'absent']]),
      dotenvs: new Map([[4, true]]),
    });
  });

  test.each([
    'user a b',
    'user -rf',
    'uid x',
    'docker ok',
    'docker ok \u001b[31m',
    'welcome to box',
    'file 1',
    'file 1 folder relative',
    'constructor',
    '__proto__ x',
    'root unwritable',
    'disk -1',
    '',
  ])('a line of another form is refused: %j', (line) => {
    expect(() => answered(...GOOD, line)).toThrow(expect.objectContaining({ code: 'PCTL-HOST-ANSWER', exit: 7 }));
  });

  test('one that is cut off is refused at any byte', () => {
    const whole = `${GOOD.join('\n')}\ndone\n`;
    for (let length = 0; length < whole.length - 1; length++) {
      expect(() => parseAnswer(whole.slice(0, length), 'box')).toThrow(
        expect.objectContaining({ code: 'PCTL-HOST-ANSWER' }),
      );
    }
  });

  test.each(['user', 'uid', 'now', 'docker', 'http', 'root', 'session'])('%s must be there', (word) => {
    expect(() => answered(...GOOD.filter((line) => line.split(' ')[0] !== word))).toThrow(
      expect.objectContaining({ code: 'PCTL-HOST-ANSWER' }),
    );
  });

  test('O-5 whatever comes: an answer or PCTL-HOST-ANSWER, and no control character in a path', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...GOOD), fc.string({ maxLength: 40 })), { maxLength: 20 }),
        (lines) => {
          try {
            answered(...lines);
          } catch (error) {
            expect(error).toMatchObject({ code: 'PCTL-HOST-ANSWER' });
          }
        },
      ),
    );
    const [file] = answered(...GOOD, 'file 9 owner /a\u001b]0;x\u0007\u202eb').files.get(9) ?? [];
    expect(file?.path).toBe('/a\\x1b]0;x\\x07<U+202E>b');
  });
});

describe('C-7 checks of a host', () => {
  const module: ModuleFiles = {
    module: 'web',
    manifest: 'modules/web/module.yaml',
    files: ['web/compose.yaml', 'web/a b'],
    hostFiles: ['web/secret'],
    unlistedDotenv: 'web/.env',
  };
  const description = {
    transport: 'ssh',
    address: 'box.example.net',
    user: 'agent',
    identity: 'SSH_AUTH_SOCK',
    hostKey: 'ssh-ed25519 SHA256:x',
  } as const;
  const checks = (
    lines: readonly string[],
    overrides: Partial<Parameters<typeof hostConfig>[0]> = {},
    transport: 'ssh' | 'local' = 'ssh',
  ) => {
    const asking = questions([module]);
    return hostChecks(hostConfig(overrides), { ...description, transport }, answered(...lines), [module], asking, {
      before: 1795509310,
      after: 1795509320,
    });
  };
  const failures = (
    lines: readonly string[],
    ...rest: [Partial<Parameters<typeof hostConfig>[0]>?, ('ssh' | 'local')?]
  ) =>
    checks(lines, ...rest)
      .filter((check) => !check.ok)
      .map(({ id, detail, fix }) => `${id}: ${detail} -> ${fix}`);
  const FINE = [...GOOD.slice(0, 10), 'file 1 ok', 'file 2 ok', 'hostfile 3 ok', 'dotenv 4 absent'];
  const with_ = (line: string): string[] => [...FINE.filter((one) => one.split(' ')[0] !== line.split(' ')[0]), line];

  test('questions', () => {
    expect(questions([module]).input).toBe(
      'file web/compose.yaml\nfile web/a b\nhostfile web/secret\ndotenv web/.env\n',
    );
    expect(questions([{ ...module, files: ['a\nfile /etc/passwd'] }]).input.split('\n')).toHaveLength(4);
  });

  test('all well', () => {
    expect(
      checks(FINE).map(({ id, ok, detail, fix }) => `${ok ? 'ok' : 'FAIL'} ${id}: ${detail}${fix ? ` -> ${fix}` : ''}`),
    ).toMatchInlineSnapshot(`
      [
        "ok user: agent (uid 1001)",
        "ok docker: engine 20.10.24+dfsg1; whoever may use docker is root on that machine: group docker equals root",
        "ok compose: compose 2.26.1-4",
        "ok tools: flock, setsid, timeout, sha256sum, readlink, stat, truncate, dd work",
        "ok http-client: curl",
        "ok remote-root: /opt/platform can be written",
        "ok disk: 78.8 GiB free under /opt/platform",
        "ok clock: as here",
        "ok session: what a user leaves behind goes on",
        "ok files:web: 2 of its files can be written",
      ]
    `);
  });

  test('every failure, with what mends it', () => {
    const lines = [
      'uid 0',
      'docker denied',
      'docker missing',
      'docker silent',
      'docker failed',
      'compose missing',
      'compose 1.29.2',
      'tool flock no',
      'http none',
      'root impossible /opt',
      'root unwritable /opt/platform',
      'root symlink',
      'worktree yes',
      'disk 1000',
      'now 1795509000',
      'now 1795509999',
      'session kills no',
      'file 2 folder /opt/platform/a b',
      'file 2 owner /opt/platform/web/a b',
      'file 2 is-folder /opt/platform/web/a b',
      'file 2 filesystem /mnt',
      'hostfile 3 absent',
      'hostfile 3 unreadable',
      'hostfile 3 is-folder',
      'dotenv 4 present',
    ];
    const table = lines.map(
      (line) =>
        `${line}\n  ${failures(line.startsWith('file') ? [...FINE.filter((one) => one !== 'file 2 ok'), line] : with_(line)).join('\n  ')}`,
    );
    expect(table.join('\n')).toMatchInlineSnapshot(`
      "uid 0
        user: agent is root there (uid 0) -> sudo useradd -m -s /bin/sh -G docker platform-host-agent, and name it in the config
      docker denied
        docker: agent may not use the engine's socket (whoever may use docker is root on that machine: group docker equals root) -> sudo usermod -aG docker agent
      docker missing
        docker: there is no docker -> sudo apt-get install docker.io (or docker-ce)
      docker silent
        docker: the engine did not answer within 10 s -> sudo systemctl restart docker
      docker failed
        docker: the engine does not answer -> sudo systemctl start docker
      compose missing
        compose: docker compose does not work -> sudo apt-get install docker-compose-plugin (Debian: docker-compose)
      compose 1.29.2
        compose: compose 1.29.2 -> version 2 is needed: sudo apt-get install docker-compose-plugin (Debian: docker-compose)
      tool flock no
        tools: flock missing, or without what is needed of it -> sudo apt-get install coreutils util-linux (or what has them on this system)
      http none
        http-client: no curl, wget or busybox: smoke.http cannot be tested -> sudo apt-get install curl
      root impossible /opt
        remote-root: /opt/platform is not there and agent cannot make it -> sudo install -d -o agent /opt/platform
      root unwritable /opt/platform
        remote-root: agent cannot write /opt/platform -> sudo chown agent: /opt/platform
      root symlink
        remote-root: /opt/platform/.platform is a symlink -> rm /opt/platform/.platform
      worktree yes
        remote-root: /opt/platform is a git work tree: nothing is pushed into one -> delivery: verify for box in .platform/config.yaml
      disk 1000
        disk: 0.0 GiB free under /opt/platform -> docker system df shows what uses it; docker image prune
      now 1795509000
        clock: 310 s away from here -> sudo timedatectl set-ntp true, here or there
      now 1795509999
        clock: 679 s away from here -> sudo timedatectl set-ntp true, here or there
      session kills no
        session: systemd ends what a user leaves behind (KillUserProcesses=yes): a lost connection could end a run -> sudo loginctl enable-linger agent
      file 2 folder /opt/platform/a b
        files:web: cannot be replaced: /opt/platform/a b -> sudo chown agent: '/opt/platform/a b'
      file 2 owner /opt/platform/web/a b
        files:web: cannot be replaced: /opt/platform/web/a b -> sudo chown agent: '/opt/platform/web/a b'
      file 2 is-folder /opt/platform/web/a b
        files:web: cannot be replaced: /opt/platform/web/a b -> a folder is where a file must be: move it away
      file 2 filesystem /mnt
        files:web: cannot be replaced: /mnt -> /opt/platform/.platform and /mnt must be on one file system
      hostfile 3 absent
        host-file:web: /opt/platform/web/secret is absent -> put it there; it is a host file of web
      hostfile 3 unreadable
        host-file:web: /opt/platform/web/secret is unreadable -> sudo chgrp agent /opt/platform/web/secret && sudo chmod g+r /opt/platform/web/secret
      hostfile 3 is-folder
        host-file:web: /opt/platform/web/secret is a folder -> move the folder away and put the file there
      dotenv 4 present
        dotenv:web: /opt/platform/web/.env is beside its compose file, and neither the commit nor host_files has it -> host_files: [.env] in modules/web/module.yaml"
    `);
  });

  test('G-6 local: root is not a failure', () => {
    expect(failures(with_('uid 0'), {}, 'local')).toEqual([]);
  });

  test('delivery verify may be a work tree; linger keeps a run', () => {
    expect(failures([...FINE, 'worktree yes'], { delivery: 'verify' })).toEqual([]);
    expect(failures(with_('session kills yes'))).toEqual([]);
  });
});
