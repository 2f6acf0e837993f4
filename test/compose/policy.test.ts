import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Verdict } from '../../src/compose/model.js';
import { bothPasses, exceptionToPaste, judgeResolved, judgeText } from '../../src/compose/policy.js';
import { POLICY_TABLE, rowOf } from '../../src/compose/policy-table.js';
import { readSkeleton, skeleton } from '../../src/compose/skeleton.js';
import { DENIED, documentOf } from './denials.js';
import { CONTEXT, composed, parsed } from './setup.js';

const short = (verdict: Verdict) => verdict.denials.map(({ rule, value }) => [rule, value]);
const judged = (service: object, top: object = {}, context = CONTEXT) =>
  judgeText(
    composed({ services: { app: { image: 'busybox:1', ...service }, other: { image: 'x:1' } }, ...top }),
    'app',
    context,
  );

describe('G-7: every denied row, as text', () => {
  it.each(DENIED)('$name', (given) => {
    const verdict = judgeText(composed(documentOf(given)), 'app', CONTEXT);
    expect(short(verdict)).toContainEqual(given.denied);
    const denial = verdict.denials.find(({ rule, value }) => rule === given.denied[0] && value === given.denied[1]);
    expect(denial?.exceptionPossible).toBe(given.possible);
    expect(denial?.where).toMatchObject({ file: 'app/compose.yaml', line: 1 });
    expect(denial?.why).not.toBe('');
  });

  it('has a case for every row that can be denied', () => {
    const covered = new Set(DENIED.flatMap(({ service, denied }) => [...Object.keys(service), denied[0]]));
    const rows = POLICY_TABLE.filter(({ verdict }) => verdict !== 'allowed').map(({ key }) => key);
    // `image` warns, `ports` are shown, `extends` is followed before the policy.
    expect(rows.filter((key) => !covered.has(key))).toEqual(['image', 'ports', 'extends']);
  });
});

describe('G-7, P-12: through a variable the text leaves it open', () => {
  it.each(DENIED.filter(({ variable }) => variable))('$name', (given) => {
    const verdict = judgeText(composed(documentOf(given, true)), 'app', CONTEXT);
    expect(verdict.denials).toEqual([]);
    expect(verdict.open).toContain(given.variable?.open);
  });
});

describe('G-7: exceptions', () => {
  it.each(DENIED.filter(({ possible }) => possible))(
    '$name is allowed by the line that the refusal prints',
    (given) => {
      const file = composed(documentOf(given));
      const refused = judgeText(file, 'app', CONTEXT);
      const allow = refused.denials.map((denial) => {
        const [entry] = parse(exceptionToPaste('web', denial)) as {
          value?: string;
          rule: string;
          module: string;
          reason: string;
        }[];
        return { value: null, expires: null, ...entry } as (typeof CONTEXT.allow)[number];
      });
      const verdict = judgeText(file, 'app', { ...CONTEXT, allow });
      expect(verdict.denials).toEqual([]);
      expect(verdict.exceptions.map(({ rule, value }) => [rule, value])).toContainEqual(given.denied);
      expect(verdict.warnings).toEqual([]);
    },
  );

  const exception = {
    module: 'web',
    rule: 'docker_socket',
    value: '/var/run/docker.sock',
    reason: 'labels',
    expires: null,
  };
  const socket = { volumes: ['/var/run/docker.sock:/s'] };
  it.each([
    ['another module', { ...exception, module: 'x' }, []],
    [
      'another rule',
      { ...exception, rule: 'bind_outside' },
      ['the exception bind_outside /var/run/docker.sock matches nothing'],
    ],
    [
      'another value',
      { ...exception, value: '/run/docker.sock' },
      ['the exception docker_socket /run/docker.sock matches nothing'],
    ],
    ['no value', { ...exception, value: null }, ['the exception docker_socket matches nothing']],
    [
      'one that expired yesterday',
      { ...exception, expires: '2026-04-30' },
      ['the exception docker_socket /var/run/docker.sock has expired (2026-04-30)'],
    ],
  ])('of %s does not count', (_, allow, warnings) => {
    const verdict = judged(socket, {}, { ...CONTEXT, allow: [allow] });
    expect(short(verdict)).toEqual([['docker_socket', '/var/run/docker.sock']]);
    expect(verdict.warnings).toEqual(warnings);
  });

  it('count on their last day', () => {
    const verdict = judged(socket, {}, { ...CONTEXT, allow: [{ ...exception, expires: '2026-05-01' }] });
    expect(verdict.denials).toEqual([]);
    expect(verdict.exceptions).toEqual([{ rule: 'docker_socket', value: '/var/run/docker.sock', reason: 'labels' }]);
  });

  it('cannot make a sacred path writable, a key known, or a provider run', () => {
    const allow = [
      { ...exception, rule: 'bind_sacred', value: '/etc' },
      { ...exception, rule: 'compose_key_unknown', value: 'frob' },
      { ...exception, rule: 'provider', value: null },
    ];
    const verdict = judged({ volumes: ['/etc:/x'], frob: 1, provider: { type: 'x' } }, {}, { ...CONTEXT, allow });
    expect(short(verdict)).toEqual([
      ['bind_sacred', '/etc'],
      ['compose_key_unknown', 'frob'],
      ['provider', null],
    ]);
  });

  it('are not said to match nothing while a variable is open', () => {
    expect(judged({ volumes: ['${S}:/s'] }, {}, { ...CONTEXT, allow: [exception] }).warnings).toEqual([]);
  });

  it('print hostile values as YAML that reads back', () => {
    for (const value of ['a: b, c}', '"', '# x', '', '0', 'yes', "it's", 'a\u2028b', '-x', '&a', '{}']) {
      expect(parse(exceptionToPaste('web', { rule: 'devices', value }))).toEqual([
        { module: 'web', rule: 'devices', value, reason: 'say why' },
      ]);
    }
  });
});

describe('G-7: what is allowed', () => {
  it.each<[string, object, object?]>([
    [
      'an ordinary service',
      {
        ports: ['8080:80', 443, { target: 1, published: '2', host_ip: '1.2.3.4' }],
        environment: { A: '$' },
        restart: 'always',
        labels: ['a=b'],
        'x-note': 1,
      },
    ],
    [
      'mounts',
      {
        volumes: [
          './d:/d',
          '../shared:/s:ro',
          'data:/v',
          '/anon',
          '/mnt/media/films:/f:ro',
          '/etc/localtime:/etc/localtime:ro',
          { type: 'tmpfs', target: '/t' },
        ],
      },
      { volumes: { data: null } },
    ],
    [
      'mounts with harmless options',
      { volumes: ['./d:/d:rw,z', './e:/e:Z', './f:/f:cached,ro', 'data:/v:nocopy'] },
      { volumes: { data: { driver: 'local', labels: { a: 'b' } } } },
    ],
    [
      'external volumes and networks',
      { volumes: ['dd:/d'], networks: { proxy: { aliases: ['x'] } } },
      { volumes: { dd: { external: true, name: 'other' } }, networks: { proxy: { external: true } } },
    ],
    [
      'networks of the file',
      { networks: ['a'] },
      { networks: { a: { driver: 'bridge', internal: true, ipam: { config: [{ subnet: '10.1.0.0/24' }] } } } },
    ],
    ['network_mode', { network_mode: 'service:other' }],
    ['capabilities of the engine', { cap_drop: ['ALL'], cap_add: ['CHOWN', 'cap_net_bind_service', 'setuid'] }],
    ['security_opt', { security_opt: ['no-new-privileges:true', 'no-new-privileges', 'seccomp:./profile.json'] }],
    [
      'limits',
      {
        deploy: { replicas: 1, resources: { limits: { cpus: '0.5' } }, restart_policy: {}, labels: {} },
        scale: 1,
        cpus: 0.5,
        mem_limit: '1g',
      },
    ],
    ['switches that are off', { privileged: false, oom_kill_disable: 'no', devices: [], pid: '', gpus: null }],
    [
      'files',
      {
        env_file: ['.env', { path: './b.env', required: false }],
        configs: ['c', { source: 'd', target: '/d' }],
        secrets: ['s'],
      },
      { configs: { c: { file: './c' }, d: { content: 'x' } }, secrets: { s: { environment: 'S' } } },
    ],
    [
      'the rest',
      {
        logging: { driver: 'journald', options: { tag: 'x' } },
        group_add: [1000, 'video'],
        ipc: 'shareable',
        oom_score_adj: 100,
        pull_policy: 'never',
        sysctls: ['net.ipv4.ip_forward=1'],
      },
    ],
  ])('%s', (_, service, top) => {
    expect(judged(service, top)).toEqual({ denials: [], exceptions: [], warnings: [], open: [] });
  });

  it('has every key of the spec', () => {
    for (const key of ['annotations', 'cpu_shares', 'cpuset', 'mem_swappiness', 'tmpfs', 'working_dir'])
      expect(rowOf(key)?.verdict).toBe('allowed');
    expect(rowOf('constructor')).toBeUndefined();
    expect(new Set(POLICY_TABLE.map(({ key }) => key)).size).toBe(POLICY_TABLE.length);
  });
});

describe('G-7: moving_tag', () => {
  it.each(['redis', 'redis:latest', 'r.example:5000/redis', 'r.example:5000/redis:latest'])(
    '%s warns, and is refused where deny names it',
    (image) => {
      expect(judged({ image }).warnings).toHaveLength(1);
      expect(short(judged({ image }, {}, { ...CONTEXT, deny: ['moving_tag'] }))).toEqual([['moving_tag', image]]);
    },
  );
  it.each(['redis:7', 'r.example:5000/redis:7', `redis@sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`])(
    '%s does not',
    (image) => {
      expect(judged({ image }, {}, { ...CONTEXT, deny: ['moving_tag'] })).toMatchObject({ denials: [], warnings: [] });
    },
  );
  it.each(['-x', 'a b', '$(id)', 'a\nb'])('%j is no image', (image) => {
    expect(short(judged({ image: image.replaceAll('$', '$$$$') }))).toEqual([['image', null]]);
  });
});

describe('G-7: only the service and what it reaches', () => {
  it('does not judge a neighbour, nor a volume that it does not mount', () => {
    const file = composed({
      services: {
        app: { image: 'a:1', depends_on: ['bad'] },
        bad: { image: 'b:1', privileged: true, volumes: ['vv:/v'] },
      },
      volumes: { vv: { driver: 'evil' } },
    });
    expect(judgeText(file, 'app', CONTEXT).denials).toEqual([]);
    expect(short(judgeText(file, 'bad', CONTEXT))).toEqual([
      ['privileged', null],
      ['volumes', 'vv:driver=evil'],
    ]);
  });

  it('names the place of what came by extends and by a merge key', () => {
    const file = parsed(
      'x-b: &b\n  pid: host\nservices:\n  base:\n    image: a:1\n    privileged: true\n  app:\n    <<: *b\n    extends: base\n',
    );
    expect(judgeText(file, 'app', CONTEXT).denials.map(({ rule, where }) => [rule, where.line])).toEqual([
      ['privileged', 6],
      ['pid', 8],
    ]);
  });

  it('refuses forms that compose would guess at', () => {
    for (const volumes of [
      ['c:/x:/y'],
      ['a::b'],
      ['a:b:c:d'],
      [1],
      {},
      ['\\\\.\\pipe\\x:/y'],
      [{ source: '/etc', target: '/x' }],
      ['./a:/b:frob'],
    ]) {
      expect(short(judged({ volumes })), JSON.stringify(volumes)).toContainEqual(['volumes', null]);
    }
    expect(short(judged({ volumes: ['~/.ssh:/x'] }))).toEqual([['bind_outside', '~/.ssh']]);
    expect(short(judged({ volumes: ['undeclared:/x'] }))).toEqual([['volumes', 'undeclared']]);
  });

  it('never shows the password of a mount option', () => {
    const top = {
      volumes: { dd: { driver_opts: { type: 'cifs', device: '//nas/x', o: 'username=u,password=hunter22,ro' } } },
    };
    expect(short(judged({ volumes: ['dd:/d'] }, top))).toEqual([
      ['volume_driver_opts', 'device=//nas/x o=username=u,password=***,ro type=cifs'],
    ]);
  });

  it('names an element as it is named once it is resolved, so that one exception holds for both', () => {
    const devices = [{ driver: 'nvidia', count: 0.5, capabilities: ['gpu', 'compute', 'video'] }];
    const file = composed({
      services: { app: { image: 'x:1', deploy: { resources: { reservations: { devices } } }, gpus: devices } },
    });
    const [text] = judgeText(file, 'app', CONTEXT).denials;
    const asked = JSON.parse(skeleton(file, ['app'], []));
    const { resolved } = readSkeleton({ ...asked, networks: {} }, 'app', file);
    const allow = [{ module: 'web', rule: 'gpus', value: text?.value ?? '', reason: 'films', expires: null }];
    expect(judgeResolved(resolved, { ...CONTEXT, allow })).toMatchObject({ denials: [], warnings: [] });
    expect(judgeText(file, 'app', { ...CONTEXT, allow })).toMatchObject({ denials: [], warnings: [] });
  });

  it('an exception for what only the text shows matches something', () => {
    const file = composed({
      services: { app: { image: 'x:1', networks: { lan: null }, configs: ['c'] } },
      networks: { lan: { ipam: { driver: 'dhcp' } } },
      configs: { c: { file: 'c.conf', template_driver: 'golang' } },
    });
    const exception = { module: 'web', reason: 'so it is', expires: null };
    const allow = [
      { ...exception, rule: 'networks', value: 'lan:ipam.driver=dhcp' },
      { ...exception, rule: 'configs', value: 'c:template_driver' },
      { ...exception, rule: 'configs', value: 'c:driver' },
    ];
    const asked = JSON.parse(skeleton(file, ['app'], []));
    const { resolved } = readSkeleton(asked, 'app', file);
    const context = { ...CONTEXT, allow };
    const both = bothPasses(judgeText(file, 'app', context), judgeResolved(resolved, context));
    expect(both.exceptions.map(({ value }) => value)).toEqual(['c:template_driver', 'lan:ipam.driver=dhcp']);
    expect(both.warnings).toEqual(['the exception configs c:driver matches nothing']);
  });

  it("knows root's group and docker's in every notation that compose has for a number", () => {
    const file = parsed(
      'services:\n  app:\n    image: x:1\n    group_add: [01747, 0b1111100110, 9_97, 0b0, 0o+0, +998, "+00999", 1_000]\n',
    );
    const { denials } = judgeText(file, 'app', { ...CONTEXT, dockerGroups: ['999', '998', '997'] });
    expect(denials.map(({ value }) => value)).toEqual(['999', '998', '997', '0', '+00999']);
  });

  it('fails for a service that is not there', () => {
    expect(() => judgeText(composed({ services: {} }), 'constructor', CONTEXT)).toThrow(
      expect.objectContaining({ code: 'PCTL-COMPOSE-NO-SERVICE', exit: 3 }),
    );
  });
});
