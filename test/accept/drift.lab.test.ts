/** `drift` (P-11): hosts against what was last applied. Each difference made by hand, seen with its reason, and gone when it is put back. Real sshd, real engine. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
beforeAll(async () => {
  // A port that nobody listens on.
  on = await stage(lab, { hosts: { host2: { port: 1 } } });
});
afterAll(() => on.dispose());

interface Row {
  readonly module: string;
  readonly host: string;
  readonly drifted: boolean | null;
  readonly pending: boolean;
  readonly changes: readonly {
    readonly target: string;
    readonly action: string;
    readonly reasons: readonly string[];
  }[];
  readonly error: { readonly code: string; readonly exitCode: number } | null;
}

async function drift(...ids: string[]): Promise<{ exit: number | null; rows: readonly Row[]; said: string }> {
  const { exit, stdout, stderr } = await on.repo.platformctl(['drift', ...ids, '--json']);
  return { exit, rows: (JSON.parse(stdout) as { modules?: Row[] }).modules ?? [], said: stdout + stderr };
}

/** Exit, and of each module the word or the reasons. */
async function told(...ids: string[]): Promise<readonly unknown[]> {
  const { exit, rows } = await drift(...ids);
  return [
    exit,
    ...rows.map((row) => [row.module, row.drifted, row.pending, row.changes.flatMap((one) => one.reasons)]),
  ];
}

const here = (command: string): Promise<string> => on.onHost(lab.host().name, command);
const path = (file: string): string => `${on.repo.remoteRoot()}/${file}`;

/** Does something by hand, looks, and puts it back. */
async function byHand(command: string, back: string, look: () => Promise<void>): Promise<void> {
  await here(command);
  try {
    await look();
  } finally {
    await here(back);
  }
}

async function ship(id: string): Promise<void> {
  const { planned, applied } = await on.ship(id);
  expect(applied.get(id)?.exit, planned.said + applied.get(id)?.said).toBe(9);
}

describe('P-11 one module', () => {
  const file = 'modules/web/compose.yaml';
  const AS_APPLIED = [0, ['web', false, false, []]];
  beforeAll(async () => {
    await on.repo.write('modules/web/app.conf', 'one');
    await on.module('web', {
      compose: {
        services: {
          web: { ...IDLE, volumes: ['./app.conf:/c:ro', 'data:/d'], env_file: 'x.env', configs: ['motd'] },
          other: IDLE,
        },
        configs: { motd: { content: 'hello' } },
        volumes: { data: { labels: { kept: 'yes' } } },
      },
      runtime: { host_files: ['x.env'] },
    });
    await on.repo.publish('web');
    await here(`mkdir -p ${path('modules/web')} && echo A=1 >${path('modules/web/x.env')}`);
  });

  it('never applied: null, and no drift', async () => {
    expect(await told('web')).toEqual([0, ['web', null, false, []]]);
    await ship('web');
    expect(await told('web')).toEqual(AS_APPLIED);
  });

  it('a commit that was not applied is none', async () => {
    await on.repo.write('modules/web/app.conf', 'two');
    await on.repo.publish('newer');
    expect((await on.plan('web')).exit).toBe(1);
    expect(await told('web')).toEqual(AS_APPLIED);
  });

  it.each([
    ['a file edited', `echo x >>${'F/app.conf'}`, 'printf one >F/app.conf', 'file on host differs: app.conf'],
    ['a file gone', 'mv F/app.conf F/kept', 'mv F/kept F/app.conf', 'file on host differs: app.conf'],
    ['its mode', 'chmod 600 F/app.conf', 'chmod 644 F/app.conf', 'file on host differs: app.conf'],
    ['a host file', 'echo A=2 >F/x.env', 'echo A=1 >F/x.env', 'env file changed: x.env'],
    [
      'its definition',
      'sed -i.kept s/100000/100001/ F/compose.yaml',
      'mv F/compose.yaml.kept F/compose.yaml',
      'file on host differs: compose.yaml',
    ],
    [
      'what stands in its config',
      'sed -i.kept s/hello/bye/ F/compose.yaml',
      'mv F/compose.yaml.kept F/compose.yaml',
      'file on host differs: compose.yaml',
    ],
    [
      'what its volume is',
      'sed -i.kept s/kept:/lost:/ F/compose.yaml',
      'mv F/compose.yaml.kept F/compose.yaml',
      'file on host differs: compose.yaml',
    ],
    [
      'no compose file any more',
      'echo nothing >F/new; cp F/compose.yaml F/kept; mv F/new F/compose.yaml',
      'mv F/kept F/compose.yaml',
      'file on host differs: compose.yaml',
    ],
  ])('%s is drift, with its reason', async (_name, command, back, reason) => {
    const at = (text: string): string => text.replaceAll('F/', `${path('modules/web')}/`);
    await byHand(at(command), at(back), async () => {
      expect(await told('web')).toEqual([1, ['web', true, false, [reason]]]);
    });
    expect(await told('web')).toEqual(AS_APPLIED);
  });

  it('bytes of the compose file that are not its own business are none', async () => {
    const last = `s/^  other:/  other: # by hand\\n    labels: { by: hand }/`;
    await byHand(`sed -i.kept '${last}' ${path(file)}`, `mv ${path(file)}.kept ${path(file)}`, async () => {
      expect(await here(`cat ${path(file)}`)).toContain('by hand');
      expect(await told('web')).toEqual(AS_APPLIED);
    });
  });

  it('a container that was stopped, or made again by hand', async () => {
    const container = await on.container(on.project('web'), 'web');
    await lab.docker('stop', container);
    const stopped = await drift('web');
    expect(stopped.rows[0]?.changes).toEqual([
      { target: 'compose.service.web', action: 'start', reasons: ['not running'] },
    ]);
    await lab.docker('start', container);
    expect(await told('web')).toEqual(AS_APPLIED);
    await here(`docker compose -f ${path(file)} -p ${on.project('web')} up -d --force-recreate web 2>&1`);
    expect(await told('web')).toEqual([1, ['web', true, false, ['recreated outside platformctl']]]);
  });

  it('for people', async () => {
    const { exit, stdout } = await on.repo.platformctl(['drift', 'web']);
    expect(exit).toBe(1);
    expect(stdout).toMatch(/^ {2}drifted {2}web {2}host1 {2}recreated outside platformctl$/m);
    expect(stdout).toMatch(/next: platformctl plan web .*\(exit 1\)\n$/);
  });

  it('R-1 status does not call a container of another image what was applied', async () => {
    const runs = async () => {
      const { stdout } = await on.repo.platformctl(['status', 'web', '--json']);
      return JSON.parse(stdout).modules[0].runs;
    };
    expect(await runs()).toBe('applied');
    const other = '{"services":{"web":{"image":"lab/busybox:2"}}}';
    await here(`echo '${other}' | docker compose -f ${path(file)} -f - -p ${on.project('web')} up -d web 2>&1`);
    expect(await runs()).toBe('other');
    expect((await on.repo.platformctl(['status', 'web'])).stdout).toMatch(
      /^web .* another image .*\n\n.*: 0 fine, 1 to look at/m,
    );
    await lab.docker('rm', '-f', await on.container(on.project('web'), 'web'));
    expect(await runs()).toBe('none');
  });
});

describe('P-11 modules that share a compose file', () => {
  const shared = 'shared/compose.yaml';
  const write = async (left: object, right: object): Promise<void> => {
    await on.repo.write(shared, stringify({ services: { left: { ...IDLE, ...left }, right: { ...IDLE, ...right } } }));
    await on.repo.publish('shared');
  };
  beforeAll(async () => {
    for (const id of ['left', 'right'])
      await on.module(id, { composeFile: shared, runtime: { project: `${on.repo.id}-pair` } });
    await write({}, {});
    await ship('left');
    await ship('right');
  });

  it("a neighbour's apply that brings a newer file is no drift", async () => {
    await write({}, { environment: { N: '1' } });
    await ship('right');
    expect(await told('left', 'right')).toEqual([0, ['left', false, false, []], ['right', false, false, []]]);
  });

  it('where it holds something new for this one, that is pending', async () => {
    await write({ environment: { N: '2' } }, { environment: { N: '2' } });
    await ship('right');
    expect(await told('left', 'right')).toEqual([0, ['left', false, true, []], ['right', false, false, []]]);
    await ship('left');
    expect(await told('left')).toEqual([0, ['left', false, false, []]]);
  });

  it('an edit by hand is drift of the one whose definition it is', async () => {
    await byHand(
      `sed -i.kept '0,/N: "2"/s//N: "3"/' ${path(shared)}`,
      `mv ${path(shared)}.kept ${path(shared)}`,
      async () => {
        expect(await told('left', 'right')).toEqual([
          1,
          ['left', true, false, ['file on host differs: compose.yaml']],
          ['right', false, false, []],
        ]);
      },
    );
  });

  it('what the commit declares no more is told as long as the host has a record of it', async () => {
    await on.repo.remove('modules/left');
    await on.repo.publish('left is no more');
    await lab.docker('stop', await on.container(`${on.repo.id}-pair`, 'left'));
    const all = await drift();
    expect(all.exit, all.said).toBe(1);
    expect(all.rows.find((row) => row.module === 'left')).toMatchObject({ drifted: true, host: 'host1' });
  });
});

describe('7-cli', () => {
  it('a host that could not be read is 7 and hides no other; an unknown module is 3', async () => {
    await on.module('far', { host: 'host2', compose: { services: { far: IDLE } } });
    const { exit, rows } = await drift('far', 'right');
    expect(exit).toBe(7);
    expect(rows.map((row) => [row.module, row.drifted, row.error?.code ?? null])).toEqual([
      ['far', null, 'PCTL-HOST-CONNECT'],
      ['right', false, null],
    ]);
    await on.repo.remove('modules/far');
  });
});
