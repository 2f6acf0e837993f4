/** Plans that are kept in a checkout (P-1), and one that cannot be written. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFiles } from '../../src/adapters/files/files.js';
import { keepPlans, loadPlan } from '../../src/flows/plan-files.js';
import type { World } from '../../src/ports.js';
import { planFixture } from '../fixtures/plans.js';

let root: string;
let world: World;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'platformctl-plans-'));
  world = { files: createFiles(), directory: root } as World;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const planned = ['web', 'api'].map((module) => ({ plan: planFixture({ module }) }));

describe('keepPlans', () => {
  it('P-1 keeps each, so that its id names it', async () => {
    expect(await keepPlans(world, root, planned)).toEqual([]);
    expect((await loadPlan(world, root, 'api')).plan.digest).toBe(planned[1]?.plan.digest);
  });

  it('R-7 a checkout that cannot be written is a warning for each, no failure', async () => {
    mkdirSync(join(root, '.platform'));
    writeFileSync(join(root, '.platform/state'), 'no folder');
    const warnings = await keepPlans(world, root, planned);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/^the plan of web was not written in this checkout: /);
  });
});
