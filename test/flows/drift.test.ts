/** `drift` of a host that cannot be asked, or must not be (P-11, G-6). */
import { afterEach, expect, it } from 'vitest';
import { PlatformError } from '../../src/errors.js';
import type { ExitCode } from '../../src/exits.js';
import { driftFlow } from '../../src/flows/drift.js';
import { makeRepo, type Repo, worldOf } from '../manifest/repo.js';
import { MODULE } from '../manifest/samples.js';

let repo: Repo | undefined;
afterEach(() => repo?.remove());

it.each([
  ['PCTL-SSH-HOST-KEY', 4],
  ['PCTL-SSH-NO-IDENTITY', 2],
  ['PCTL-HOST-CONNECT', 7],
] as const)('%s ends it with %i, as it ends every command', async (code, exit: ExitCode) => {
  repo = makeRepo();
  repo.commit();
  const { world } = worldOf(repo, {
    connect: async () => {
      throw new PlatformError({ code, exit, summary: 'not this one' });
    },
  });
  const { rows, exitCode } = await driftFlow(world, []);
  expect([rows[0]?.module, rows[0]?.error?.code, rows[0]?.error?.exitCode, exitCode]).toEqual([
    'web',
    code,
    exit,
    exit,
  ]);
});

it('G-6 a host that the config of the policy ref does not have: 4', async () => {
  repo = makeRepo();
  repo.commit();
  const text = MODULE.replace('host: one', 'host: three');
  repo.write({ 'modules/web/module.yaml': text });
  const { exitCode } = await driftFlow(worldOf(repo).world, []);
  expect(exitCode).toBe(4);
});
