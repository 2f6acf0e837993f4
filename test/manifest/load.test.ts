import { describe, expect, it } from 'vitest';
import { problemsExit } from '../../src/manifest/findings.js';
import { loadPlatform } from '../../src/manifest/load.js';
import { type Changes, CONFIG, load, MODULE, moduleText, places } from './samples.js';

const config = (from: string, to: string): Changes => {
  if (!CONFIG.includes(from)) throw new Error(`${from} is not in the sample`);
  return { '.platform/config.yaml': CONFIG.replace(from, to) };
};
const inConfig = (text: string): Changes => ({ '.platform/config.yaml': `${CONFIG}${text}` });
const spec = (text: string): Changes => ({ 'modules/web/module.yaml': `${MODULE}${text}` });
const runtime = (text: string): Changes => ({
  'modules/web/module.yaml': moduleText('web', '', 'compose/web.yaml', `, ${text}`),
});
const composeFile = (path: string, more: Changes = {}): Changes => ({
  'modules/web/module.yaml': moduleText('web', '', path),
  ...more,
});

const C = '.platform/config.yaml';
const M = 'modules/web/module.yaml';

describe('defaults', () => {
  it('of a platform and a module', () => {
    const { platform, modules, problems } = load();
    expect(problems).toEqual([]);
    expect([...platform.hosts.values()]).toMatchInlineSnapshot(`
      [
        {
          "address": "one.example.net",
          "delivery": "push",
          "hostKey": "ssh-ed25519 AAAA",
          "identityFile": null,
          "jump": [],
          "knownHostsFile": null,
          "name": "one",
          "port": 22,
          "remoteRoot": "/opt/platform",
          "repoRoot": "",
          "shared": false,
          "transport": "ssh",
          "user": "platform-host-agent",
        },
        {
          "address": "localhost",
          "delivery": "push",
          "hostKey": null,
          "identityFile": null,
          "jump": [],
          "knownHostsFile": null,
          "name": "two",
          "port": 22,
          "remoteRoot": "/opt/platform",
          "repoRoot": "hosts/two",
          "shared": false,
          "transport": "local",
          "user": "platform-host-agent",
        },
      ]
    `);
    const { hosts: _, ...rest } = platform;
    expect(rest).toMatchInlineSnapshot(`
      {
        "approval": {
          "allowAuthor": false,
          "approvers": null,
          "modes": [
            "signature",
          ],
          "required": 1,
        },
        "envFile": {
          "names": [],
          "prefixes": [],
        },
        "policy": {
          "allow": [],
          "bindRoots": [],
          "deny": [],
          "sacredPaths": [],
        },
        "protectedRef": "main",
        "retention": {
          "days": 90,
          "runs": 200,
        },
      }
    `);
    expect(modules.get('web')).toMatchInlineSnapshot(`
      {
        "composeFile": "compose/web.yaml",
        "delivery": "push",
        "dependsOn": [],
        "description": "",
        "files": [],
        "host": "one",
        "hostFiles": [],
        "id": "web",
        "manifestPath": "modules/web/module.yaml",
        "ownDelivery": null,
        "owner": "",
        "project": null,
        "protected": false,
        "service": "web",
        "smoke": {
          "exits": null,
          "http": null,
          "stableSeconds": null,
          "timeoutSeconds": 120,
        },
        "stack": null,
      }
    `);
  });

  it('a host sets delivery and remote_root for its modules', () => {
    const { platform, modules } = load(
      config('host_key: ssh-ed25519 AAAA', 'host_key: ssh-ed25519 AAAA, delivery: verify, remote_root: /srv//one/'),
    );
    expect(platform.hosts.get('one')?.remoteRoot).toBe('/srv/one');
    expect(modules.get('web')?.delivery).toBe('verify');
  });
});

/** Each defect, where it is told and by which code (M-2). */
const DEFECTS: [name: string, changes: Changes, problems: string[]][] = [
  // the config
  ['no config', { [C]: null }, [`${C}:1:1 PCTL-NO-CONFIG`]],
  ['config is a symlink', { [C]: { text: '/etc/passwd', mode: '120000' } }, [`${C}:1:1 PCTL-PATH-SYMLINK`]],
  ['config is empty', { [C]: '' }, [`${C}:1:1 PCTL-TYPE`]],
  ['config of another version', config('platformctl/v1', 'platformctl/v2'), [`${C}:1:1 PCTL-VALUE`]],
  ['unknown key (M-2)', inConfig('protected_rf: main\n'), [`${C}:8:1 PCTL-KEY-UNKNOWN`]],
  ['remote_root under /etc (G-5)', config('/opt/platform', '/etc/platform'), [`${C}:3:1 PCTL-GATE-SACRED`]],
  ['remote_root / (G-5)', config('/opt/platform', '/'), [`${C}:3:1 PCTL-GATE-SACRED`]],
  ['remote_root above a sacred one (G-5)', config('/opt/platform', '/var'), [`${C}:3:1 PCTL-GATE-SACRED`]],
  [
    'remote_root beneath a sacred one of the config (G-5)',
    { [C]: `${CONFIG}policy: { sacred_paths: [/opt] }\n` },
    [`${C}:3:1 PCTL-GATE-SACRED`],
  ],
  ['remote_root relative', config('/opt/platform', 'opt/platform'), [`${C}:3:1 PCTL-CONFIG-REMOTE-ROOT`]],
  ['remote_root with a variable', config('/opt/platform', '/opt/$USER'), [`${C}:3:1 PCTL-CONFIG-REMOTE-ROOT`]],
  [
    "a host's own remote_root (G-5)",
    config('transport: local', 'transport: local, remote_root: /usr/x'),
    [`${C}:6:28 PCTL-GATE-SACRED`],
  ],
  [
    'no remote_root',
    config('remote_root: /opt/platform\n', ''),
    [`${C}:4:3 PCTL-CONFIG-REMOTE-ROOT`, `${C}:5:3 PCTL-CONFIG-REMOTE-ROOT`],
  ],
  ['user root (G-6)', config('address: one', 'user: root, address: one'), [`${C}:5:26 PCTL-GATE-HOST`]],
  ['no address', config('address: one.example.net, ', ''), [`${C}:5:3 PCTL-CONFIG-ADDRESS`]],
  ['no host key (G-6)', config(', host_key: ssh-ed25519 AAAA', ''), [`${C}:5:3 PCTL-CONFIG-HOST-KEY`]],
  [
    'an address that ssh would take for an option',
    config('one.example.net', '-oProxyCommand=x'),
    [`${C}:5:26 PCTL-VALUE`],
  ],
  ['unknown jump host', config('transport: ssh', 'transport: ssh, jump: [bastion]'), [`${C}:5:33 PCTL-CONFIG-JUMP`]],
  [
    'a host reached through itself',
    config('transport: ssh', 'transport: ssh, jump: [one]'),
    [`${C}:5:33 PCTL-CONFIG-JUMP`],
  ],
  ['unknown transport', config('transport: local', 'transport: loca'), [`${C}:6:10 PCTL-VALUE`]],
  ['repo_root upwards (M-4)', config('hosts/two', '../two'), [`${C}:6:28 PCTL-PATH`]],
  [
    'repo_root is a symlink (M-4)',
    { ...config('hosts/two', 'x'), x: { text: 'y', mode: '120000' } },
    [`${C}:6:28 PCTL-PATH-SYMLINK`],
  ],
  [
    'self beside another mode (M-11)',
    config('mode: signature', 'mode: [signature, self]'),
    [`${C}:7:13 PCTL-APPROVAL-SELF`],
  ],
  ['unknown mode', config('mode: signature', 'mode: signatur'), [`${C}:7:13 PCTL-VALUE`]],
  [
    'more approvals than approvers',
    config('mode: signature', 'mode: signature, required: 2, approvers: [a]'),
    [`${C}:7:30 PCTL-APPROVAL-REQUIRED`],
  ],
  [
    'no such day',
    inConfig('policy: { compose: { allow: [{ module: web, rule: x, reason: y, expires: 2026-02-30 }] } }\n'),
    [`${C}:8:65 PCTL-CONFIG-EXPIRES`],
  ],
  [
    'no reason',
    inConfig('policy: { compose: { allow: [{ module: web, rule: x }] } }\n'),
    [`${C}:8:30 PCTL-KEY-MISSING`],
  ],
  ['bind root above a sacred one (G-5)', inConfig('policy: { bind_roots: [/var] }\n'), [`${C}:8:24 PCTL-GATE-SACRED`]],
  ['bind root above remote_root (G-5)', inConfig('policy: { bind_roots: [/opt] }\n'), [`${C}:8:24 PCTL-GATE-SACRED`]],
  [
    'PATH from an env file (M-6)',
    inConfig('env_file: { names: [PATH], prefixes: [LD_] }\n'),
    [`${C}:8:21 PCTL-CONFIG-ENV`, `${C}:8:39 PCTL-CONFIG-ENV`],
  ],
  [
    'the phase from an env file (M-6)',
    inConfig('env_file: { names: [PLATFORMCTL_PHASE] }\n'),
    [`${C}:8:21 PCTL-CONFIG-ENV`],
  ],
  ['protected_ref that is no branch', inConfig('protected_ref: a..b\n'), [`${C}:8:1 PCTL-CONFIG-REF`]],
  // modules
  ['not YAML', { [M]: 'a: [' }, [`${M}:1:5 PCTL-YAML-SYNTAX`]],
  ['larger than is read (M-3)', { [M]: `# ${'x'.repeat(1024 * 1024)}` }, [`${M}:1:1 PCTL-YAML-SIZE`]],
  ['module.yaml is a symlink (M-4)', { [M]: { text: 'x', mode: '120000' } }, [`${M}:1:1 PCTL-PATH-SYMLINK`]],
  [
    'a symlink beneath modules/ (M-4)',
    { 'modules/web/x': { text: 'y', mode: '120000' } },
    ['modules/web/x:1:1 PCTL-PATH-SYMLINK'],
  ],
  [
    'a submodule beneath modules/ (M-4)',
    { 'modules/sub': { text: '', mode: '160000' } },
    ['modules/sub:1:1 PCTL-PATH-SUBMODULE'],
  ],
  ['a symlink elsewhere is nobody’s business (M-4)', { 'docs/x': { text: '/etc', mode: '120000' } }, []],
  ['module.yml', { 'modules/y/module.yml': MODULE }, ['modules/y/module.yml:1:1 PCTL-MANIFEST-NAME']],
  ['stack.yml', { 'modules/s/stack.yml': '' }, ['modules/s/stack.yml:1:1 PCTL-MANIFEST-NAME']],
  ['pack.yaml is not built yet', { 'modules/p/pack.yaml': '' }, ['modules/p/pack.yaml:1:1 PCTL-NOT-BUILT-PACK']],
  ['pre_apply is not built yet', spec('  pre_apply: [web.backup]\n'), [`${M}:7:3 PCTL-NOT-BUILT-PRE-APPLY`]],
  [
    'post_apply is not built yet',
    spec('  post_apply: [{ action: web.x, parameters: {} }]\n'),
    [`${M}:7:3 PCTL-NOT-BUILT-POST-APPLY`],
  ],
  ['empty hooks are fine', spec('  pre_apply: []\n  post_apply: []\n'), []],
  [
    'spec.secrets is not built yet',
    spec('  secrets: [{ file: .env, from: "sops:x" }]\n'),
    [`${M}:7:3 PCTL-NOT-BUILT-SECRETS`],
  ],
  ['id is not the folder', { [M]: moduleText('webb') }, [`${M}:3:13 PCTL-MODULE-ID-FOLDER`]],
  ['ids that differ in case', { 'modules/Web/module.yaml': moduleText('Web') }, [`${M}:3:13 PCTL-MODULE-ID-CASE`]],
  [
    'an id that begins with -',
    { [M]: null, 'modules/-web/module.yaml': moduleText('-web') },
    ['modules/-web/module.yaml:3:13 PCTL-MODULE-ID'],
  ],
  ['unknown host (G-6)', { [M]: MODULE.replace('host: one', 'host: on') }, [`${M}:5:3 PCTL-GATE-HOST`]],
  ['compose_file: /etc/passwd (M-4)', composeFile('/etc/passwd'), [`${M}:6:14 PCTL-PATH`]],
  ['compose_file: ../x (M-4)', composeFile('../x'), [`${M}:6:14 PCTL-PATH`]],
  ['compose_file: ~/x (M-4)', composeFile('~/x'), [`${M}:6:14 PCTL-PATH`]],
  ['compose_file beneath .git', composeFile('.git/config'), [`${M}:6:14 PCTL-PATH-SACRED`]],
  [
    'compose_file is a symlink (M-4)',
    composeFile('compose/l.yaml', { 'compose/l.yaml': { text: '/etc/passwd', mode: '120000' } }),
    [`${M}:6:14 PCTL-PATH-SYMLINK`],
  ],
  [
    'compose_file through a symlink (M-4)',
    composeFile('l/x.yaml', { l: { text: 'compose', mode: '120000' } }),
    [`${M}:6:14 PCTL-PATH-SYMLINK`],
  ],
  [
    'compose_file in a submodule (M-4)',
    composeFile('sub/x.yaml', { sub: { text: '', mode: '160000' } }),
    [`${M}:6:14 PCTL-PATH-SUBMODULE`],
  ],
  ['compose_file is not there', composeFile('compose/nix.yaml'), [`${M}:6:14 PCTL-PATH-MISSING`]],
  ['compose_file is a folder', composeFile('compose'), [`${M}:6:14 PCTL-PATH-FOLDER`]],
  [
    'compose_file outside of repo_root (M-11)',
    { [M]: MODULE.replace('host: one', 'host: two') },
    [`${M}:6:14 PCTL-COMPOSE-REPO-ROOT`],
  ],
  ['a file upwards (M-4)', runtime('files: [../x]'), [`${M}:6:54 PCTL-PATH`]],
  [
    'a folder with a symlink in it (M-4)',
    { ...runtime('files: [conf]'), 'conf/a': 'x', 'conf/b': { text: 'a', mode: '120000' } },
    [`${M}:6:54 PCTL-PATH-SYMLINK`],
  ],
  ['a folder of files', { ...runtime('files: [conf]'), 'conf/a': 'x' }, []],
  ['an absolute host file (M-8)', runtime('host_files: [/etc/passwd]'), [`${M}:6:59 PCTL-PATH`]],
  ['a host file out of the repo (M-8)', runtime('host_files: [../../x]'), [`${M}:6:59 PCTL-PATH`]],
  ['a host file beside the compose folder', runtime('host_files: [../x.env, .env]'), []],
  [
    'a host file that is in the commit (M-8)',
    { ...runtime('host_files: [.env]'), 'compose/.env': '' },
    [`${M}:6:59 PCTL-HOST-FILE-BOTH`],
  ],
  ...['-x', 'a b', '"a\\"b"', '$(id)', '"a\\nb"', "it's", 'a;b'].map((name): [string, Changes, string[]] => [
    `service name ${name}`,
    runtime(`compose_service: ${name.startsWith('"') ? name : `"${name}"`}`),
    [`${M}:6:46 PCTL-MODULE-SERVICE`],
  ]),
  ...['Core', '-core', '_core', 'a.b', '$x', 'a b'].map((name): [string, Changes, string[]] => [
    `project ${name} (M-11)`,
    runtime(`project: "${name}"`),
    [`${M}:6:46 PCTL-MODULE-PROJECT`],
  ]),
  ['stable_seconds: 0 (V-1)', spec('  smoke: { stable_seconds: 0 }\n'), [`${M}:7:12 PCTL-SMOKE-STABLE`]],
  [
    'timeout not above stable (M-11)',
    spec('  smoke: { timeout_seconds: 30, stable_seconds: 30 }\n'),
    [`${M}:7:12 PCTL-SMOKE-TIMEOUT`],
  ],
  [
    'stable above the default timeout (M-11)',
    spec('  smoke: { stable_seconds: 120 }\n'),
    [`${M}:7:12 PCTL-SMOKE-TIMEOUT`],
  ],
  ['timeout of a job', spec('  smoke: { timeout_seconds: 5, exits: 0 }\n'), []],
  [
    'a job with http',
    spec('  smoke: { exits: 0, http: { url: "http://127.0.0.1/" } }\n'),
    [`${M}:7:22 PCTL-SMOKE-JOB`],
  ],
  ...[
    '169.254.169.254',
    '0xa9fea9fe',
    '2852039166',
    '169.254.169.254.',
    '0251.0376.0251.0376',
    '[fe80::1]',
    '[febf::1]',
    '[::ffff:169.254.1.1]',
  ].map((host): [string, Changes, string[]] => [
    `link-local ${host} (V-2)`,
    spec(`  smoke: { http: { url: "http://${host}/" } }\n`),
    [`${M}:7:20 PCTL-SMOKE-LINK-LOCAL`],
  ]),
  [
    'a URL with a password',
    spec('  smoke: { http: { url: "http://a:b@127.0.0.1/" } }\n'),
    [`${M}:7:20 PCTL-SMOKE-URL`],
  ],
  ['a URL of another kind', spec('  smoke: { http: { url: "file:///etc/passwd" } }\n'), [`${M}:7:20 PCTL-SMOKE-URL`]],
  ['private addresses are fine (V-2)', spec('  smoke: { http: { url: "http://127.0.0.1:8080/" } }\n'), []],
  ['unknown dependency (M-11)', spec('  depends_on: [wep]\n'), [`${M}:7:16 PCTL-DEPENDS-UNKNOWN`]],
  ['depends on itself (M-11)', spec('  depends_on: [web]\n'), [`${M}:7:16 PCTL-DEPENDS-CIRCLE`]],
  [
    'a circle of three (M-11), told once',
    {
      ...spec('  depends_on: [b]\n'),
      'modules/b/module.yaml': moduleText('b', '  depends_on: [c]\n'),
      'modules/c/module.yaml': moduleText('c', '  depends_on: [web]\n'),
    },
    ['modules/b/module.yaml:7:16 PCTL-DEPENDS-CIRCLE'],
  ],
  [
    'two problems of one file and one of another (M-2)',
    { ...spec('  protectd: true\n  depends_on: [x]\n'), ...config('mode: signature', 'mode: nobody') },
    [`${C}:7:13 PCTL-VALUE`, `${M}:7:3 PCTL-KEY-UNKNOWN`, `${M}:8:16 PCTL-DEPENDS-UNKNOWN`],
  ],
];

describe('defects, each at its place', () => {
  it.each(DEFECTS)('%s', (_, changes, expected) => {
    expect(places(load(changes).problems)).toEqual(expected);
  });

  it('approval.mode: forge, forge, packs and secrets are accepted', () => {
    const changes = config(
      'mode: signature',
      'mode: forge, forge: { kind: forgejo, url: "https://git.example.net", repository: o/r, token_env: PLATFORMCTL_FORGE_TOKEN }',
    );
    const more = `${changes[C]}packs: { require_validation: true }\nsecrets: { p.a: { api_key: "sops:x#y" } }\n`;
    expect(places(load({ [C]: more }).problems)).toEqual([]);
  });

  it('a chain of 5,000 dependencies needs no stack', () => {
    const many: Record<string, string> = {};
    for (let at = 0; at < 5000; at++)
      many[`modules/m${at}/module.yaml`] = moduleText(`m${at}`, `  depends_on: [m${(at + 1) % 5000}]\n`);
    expect(load(many).problems.map(({ code }) => code)).toEqual(['PCTL-DEPENDS-CIRCLE']);
  });

  it('problems are bounded (I-4)', () => {
    const many: Record<string, string> = {};
    for (let at = 0; at < 3000; at++) many[`modules/m${at}/module.yaml`] = 'a: 1';
    const { problems } = load(many);
    expect(problems.length).toBe(2001);
    expect(problems.at(-1)?.code).toBe('PCTL-MORE');
  });

  it('a module whose folder is named as a key of Object is one like any other', () => {
    expect(load({ 'modules/toString/module.yaml': moduleText('toString') }).problems).toEqual([]);
    expect(places(load({ 'modules/web/module.yaml': moduleText('web', '  toString: 1\n') }).problems)).toEqual([
      `${M}:7:3 PCTL-KEY-UNKNOWN`,
    ]);
  });

  it('what is a gate’s is 4, the rest 3', () => {
    expect(problemsExit(load(config('/opt/platform', '/etc/x')).problems)).toBe(4);
    expect(problemsExit(load({ ...config('/opt/platform', '/etc/x'), ...spec('  x: 1\n') }).problems)).toBe(3);
  });

  it('the policy ref’s config alone (G-1)', () => {
    const read = (text: string) =>
      loadPlatform({ entries: [{ path: C, mode: '100644' }], bytes: new Map([[C, new TextEncoder().encode(text)]]) });
    expect([...read(CONFIG).platform.hosts.keys()]).toEqual(['one', 'two']);
    expect(read(CONFIG).problems).toEqual([]);
    expect(places(read(`${CONFIG}x: 1`).problems)).toEqual([`${C}:8:1 PCTL-KEY-UNKNOWN`]);
    expect([...read(`${CONFIG}x: 1`).platform.hosts.keys()]).toEqual([]);
  });
});
