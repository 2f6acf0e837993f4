import { describe, expect, it } from 'vitest';
import { type ComposeNames, crossCheck } from '../../src/manifest/cross.js';
import { projectName } from '../../src/manifest/load.js';
import { type Changes, CONFIG, load, moduleText, places } from './samples.js';

describe('projectName (M-11: what compose itself takes)', () => {
  it.each([
    ['core', 'x', '/opt/a/compose.yaml', 'core', 'manifest'],
    [null, 'x', '/opt/a/compose.yaml', 'x', 'compose file'],
    [null, null, '/opt/platform/Traefik V3/compose.yaml', 'traefikv3', 'folder name'],
    [null, null, '/opt/platform/_-my.app_1/compose.yaml', 'myapp_1', 'folder name'],
    [null, null, '/opt/platform/compose.yaml', 'platform', 'folder name'],
    [null, null, '/opt/日本/compose.yaml', '', 'folder name'],
  ])('%j, %j, %s: %s from the %s', (manifest, compose, path, name, source) => {
    expect(projectName(manifest, compose, path)).toEqual({ name, source });
  });
});

const names = (name: string | null, services: Record<string, boolean> = { web: true }): ComposeNames => ({
  name,
  services: new Map(Object.entries(services).map(([service, healthcheck]) => [service, { healthcheck }])),
});

function check(changes: Changes, compose: Record<string, ComposeNames>): string[] {
  const wanted = load(changes);
  expect(wanted.problems).toEqual([]);
  return places(crossCheck(wanted, new Map(Object.entries(compose)), wanted.place));
}

const WEB = 'compose/web.yaml';
const other = (runtime: string): Changes => ({ 'modules/other/module.yaml': moduleText('other', '', WEB, runtime) });

describe('modules against each other and their compose files (M-11)', () => {
  it.each<[string, Changes, Record<string, ComposeNames>, string[]]>([
    ['nothing wrong', {}, { [WEB]: names(null) }, []],
    ['a compose file that could not be parsed', {}, {}, []],
    [
      'no such service',
      {},
      { [WEB]: names(null, { wep: true }) },
      ['modules/web/module.yaml:6:3 PCTL-COMPOSE-NO-SERVICE'],
    ],
    [
      'the same host, project and service',
      other(', compose_service: web'),
      { [WEB]: names(null) },
      ['modules/web/module.yaml:6:3 PCTL-MODULE-TWICE'],
    ],
    [
      'the same service in two projects of two files',
      {
        ...other(', compose_service: web'),
        'modules/other/module.yaml': moduleText('other', '', 'b/x.yaml', ', compose_service: web'),
        'b/x.yaml': '',
      },
      { [WEB]: names(null), 'b/x.yaml': names(null) },
      [],
    ],
    [
      'one file under two projects',
      other(', project: x'),
      { [WEB]: names(null, { web: true, other: true }) },
      ['modules/web/module.yaml:6:14 PCTL-COMPOSE-PROJECTS'],
    ],
    [
      'one file under one project, said twice',
      other(', project: compose'),
      { [WEB]: names(null, { web: true, other: true }) },
      [],
    ],
    [
      'a name: that compose does not take',
      {},
      { [WEB]: names('Core') },
      ['modules/web/module.yaml:6:14 PCTL-MODULE-PROJECT'],
    ],
    [
      'a folder that gives no name',
      { 'modules/web/module.yaml': moduleText('web', '', '日本/x.yaml'), '日本/x.yaml': '' },
      { '日本/x.yaml': names(null) },
      ['modules/web/module.yaml:6:14 PCTL-MODULE-PROJECT'],
    ],
    [
      '20 s without a healthcheck, where 30 must be stable',
      { 'modules/web/module.yaml': moduleText('web', '  smoke: { timeout_seconds: 20 }\n') },
      { [WEB]: names(null, { web: false }) },
      ['modules/web/module.yaml:7:12 PCTL-SMOKE-TIMEOUT'],
    ],
    [
      '20 s with a healthcheck',
      { 'modules/web/module.yaml': moduleText('web', '  smoke: { timeout_seconds: 20 }\n') },
      { [WEB]: names(null) },
      [],
    ],
  ])('%s', (_, changes, compose, expected) => {
    expect(check(changes, compose)).toEqual(expected);
  });

  it('a compose file at the root of repo_root takes the name of remote_root', () => {
    const changes: Changes = {
      '.platform/config.yaml': CONFIG.replace('repo_root: hosts/two', 'repo_root: hosts/two, remote_root: /srv/stack'),
      'modules/web/module.yaml': moduleText('web', '', 'hosts/two/compose.yaml').replace('host: one', 'host: two'),
      'modules/b/module.yaml': moduleText('b', '', 'hosts/two/compose.yaml', ', project: stack').replace(
        'host: one',
        'host: two',
      ),
      'hosts/two/compose.yaml': '',
    };
    expect(check(changes, { 'hosts/two/compose.yaml': names(null, { web: true, b: true }) })).toEqual([]);
  });
});
