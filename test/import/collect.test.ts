/** `import` of services that the repo has already, or that platformctl runs for somebody else. */
import { afterEach, expect, it } from 'vitest';
import { modulesOn } from '../../src/flows/import-checkout.js';
import { collect } from '../../src/flows/import-collect.js';
import { gatherWanted } from '../../src/flows/wanted.js';
import type { Host } from '../../src/ports.js';
import { hostConfig } from '../doctor/parts.js';
import { makeRepo, type Repo, worldOf } from '../manifest/repo.js';

let repo: Repo | undefined;
afterEach(() => repo?.remove());

const MODULE = (id: string, more = ''): string =>
  `apiVersion: platformctl/v1\nkind: Module\nmetadata: { id: ${id} }\nspec:\n  host: one\n  runtime: { compose_file: core/${id}.yaml${more} }\n`;

it('M-11 a module is known by host, service, and project or compose file', async () => {
  repo = makeRepo({
    'core/a.yaml': 'services: {a: {image: "x:1"}}\n',
    'core/b.yaml': 'name: shop\nservices: {b: {image: "x:1"}}\n',
    'core/c.yaml': 'services: {c: {image: "x:1"}}\n',
    'modules/a/module.yaml': MODULE('a'),
    'modules/b/module.yaml': MODULE('b'),
    'modules/c/module.yaml': MODULE('c', ', project: own'),
  });
  const { world } = worldOf(repo);
  const gathered = await gatherWanted(world, await world.openGit(repo.root), { workTree: true, withoutCommit: true });
  const moduleOf = await modulesOn(gathered, hostConfig({ name: 'one', remoteRoot: '/opt/platform' }));
  expect([
    moduleOf('core', 'a', null),
    moduleOf('shop', 'b', null),
    moduleOf('own', 'c', 'core/other.yaml'),
    moduleOf('x', 'c', 'core/c.yaml'),
  ]).toEqual(['a', 'b', 'c', 'c']);
  expect([moduleOf('core', 'b', null), moduleOf('core', 'x', 'core/a.yaml')]).toEqual([null, null]);
  const other = await modulesOn(gathered, hostConfig({ name: 'two', remoteRoot: '/opt/platform' }));
  expect(other('core', 'a', 'core/a.yaml')).toBeNull();
});

it('what a run made for a module that the checkout does not declare is not brought in', async () => {
  repo = makeRepo();
  const { world } = worldOf(repo);
  const git = await world.openGit(repo.root);
  const gathered = await gatherWanted(world, git, { workTree: true, withoutCommit: true });
  const host = {
    name: 'one',
    run: async () => ({ stdout: Buffer.from('root /opt/platform\nabsent - -\ndone\n'), stderr: Buffer.of(), code: 0 }),
  } as unknown as Host;
  const found = [
    {
      project: 'compose',
      composeFile: 'compose/web.yaml',
      services: [{ name: 'old', image: 'x:1', ended: false, managed: true }],
    },
  ];
  const roots = { host: hostConfig({ name: 'one', remoteRoot: '/opt/platform' }), realRoot: '/opt/platform' };
  const { rows, drafts } = await collect(world, git, gathered, host, found, roots);
  expect(drafts).toEqual([]);
  expect(rows.map(({ service, module, verdict, why }) => [service, module, verdict, why])).toEqual([
    ['old', null, 'cannot', 'managed by platformctl: a run made it, for a module that this checkout does not declare'],
  ]);
});
