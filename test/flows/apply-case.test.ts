/** The plans that an apply is about: those that are named, and those that its caller has at hand. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ApplyOptions, openCases } from '../../src/flows/apply-case.js';
import { keptPlanPath } from '../../src/flows/plan-files.js';
import { planBytes } from '../../src/plan/artifact.js';
import { makeRepo, type Repo } from '../adapters/git/repo.js';
import { planFixture } from '../fixtures/plans.js';
import { makeWorld } from '../gate/world.js';

const OPTIONS: ApplyOptions = {
  references: [],
  approvals: [],
  dryRun: false,
  lockWait: 0,
  parallel: 1,
  keepGoing: false,
};
let repo: Repo;
let sha: string;
beforeEach(() => {
  repo = makeRepo();
  repo.write(
    '.platform/config.yaml',
    'apiVersion: platformctl/v1\nkind: Platform\nremote_root: /opt/platform\nprotected_ref: main\nhosts:\n  rs2000: { transport: local }\napproval: { mode: signature }\n',
  );
  sha = repo.commit('policy');
});
afterEach(() => repo.remove());

it('X-10 a plan at hand is applied as it is, whatever is kept for its module by now', async () => {
  const mine = planFixture({ kind: 'rollback', source_sha: sha });
  const file = keptPlanPath(repo.dir, 'web');
  repo.write(file.slice(repo.dir.length + 1), planBytes(planFixture({ source_sha: sha })));
  const [open, ...more] = await openCases(makeWorld(repo.dir), { ...OPTIONS, loaded: [{ plan: mine, file }] });
  expect(more).toEqual([]);
  expect(open).toMatchObject({ plan: mine, planFile: file });
});

it('X-4 the plan that is kept for an id; none at all is 2', async () => {
  const kept = planFixture({ source_sha: sha });
  repo.write(keptPlanPath(repo.dir, 'web').slice(repo.dir.length + 1), planBytes(kept));
  const [open] = await openCases(makeWorld(repo.dir), { ...OPTIONS, references: ['web'] });
  expect(open?.plan).toEqual(kept);
  await expect(openCases(makeWorld(repo.dir), OPTIONS)).rejects.toMatchObject({ code: 'PCTL-APPLY-NOTHING', exit: 2 });
});
