/** `import` of services that the repo has already, or that platformctl runs for somebody else. */
import { afterEach, expect, it } from 'vitest';
import { collect } from '../../src/flows/import-collect.js';
import { gatherWanted } from '../../src/flows/wanted.js';
import type { Host } from '../../src/ports.js';
import { hostConfig } from '../doctor/parts.js';
import { makeRepo, type Repo, worldOf } from '../manifest/repo.js';

let repo: Repo | undefined;
afterEach(() => repo?.remove());

it('what a roll back left is told as the module that has it, not as something that cannot be', async () => {
  repo = makeRepo();
  const { world } = worldOf(repo);
  const git = await world.openGit(repo.root);
  const gathered = await gatherWanted(world, git, { workTree: true, withoutCommit: true });
  const host = {
    name: 'one',
    run: async () => ({ stdout: Buffer.from('root /opt/platform\nabsent - -\ndone\n'), stderr: Buffer.of(), code: 0 }),
  } as unknown as Host;
  const service = (name: string, managed: boolean) => ({ name, image: 'x:1', ended: false, managed });
  const found = [
    { project: 'compose', composeFile: 'compose/web.yaml', services: [service('old', true), service('web', true)] },
  ];
  const roots = { host: hostConfig({ name: 'one', remoteRoot: '/opt/platform' }), realRoot: '/opt/platform' };
  const { rows, drafts } = await collect(world, git, gathered, host, found, roots);
  expect(drafts).toEqual([]);
  expect(rows.map(({ service, module, verdict, why }) => [service, module, verdict, why])).toEqual([
    ['old', null, 'cannot', 'managed by platformctl: a run made it, for a module that this checkout does not declare'],
    ['web', 'web', 'declared', 'managed by platformctl: module web'],
  ]);
  const [plain] = (
    await collect(world, git, gathered, host, [{ ...found[0]!, services: [service('web', false)] }], roots)
  ).rows;
  expect(plain).toMatchObject({ module: 'web', verdict: 'declared', why: null });
});
