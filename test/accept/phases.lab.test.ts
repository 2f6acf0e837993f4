/** PLATFORMCTL_PHASE, the fuse (G-2): what each value lets through, and that nothing but it is what was missing. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;

async function apply(env: Readonly<Record<string, string>>, ...args: string[]) {
  const { exit, stdout, stderr } = await on.repo.platformctl(['apply', 'web', '--json', ...args], { env });
  const [result] = JSON.parse(stdout).results;
  const failing = result.gates.filter((gate: { state: string }) => gate.state === 'fail');
  return {
    exit,
    outcome: result.outcome,
    failing: failing.map((gate: { gate: string }) => gate.gate),
    notes: result.notes,
    said: stdout + stderr,
  };
}

async function change(mark: string): Promise<void> {
  await on.module('web', { compose: { services: { web: { ...IDLE, environment: { MARK: mark } } } } });
  await on.repo.publish(mark);
  expect((await on.plan('web')).exit).toBe(1);
  await on.approve('web');
}

const mark = (): Promise<string> => on.inside('web', 'sh', '-c', 'echo $MARK');

beforeAll(async () => {
  on = await stage(lab);
  await change('first');
});
afterAll(() => on.dispose());

describe('G-2 the phase', () => {
  it.each([
    ['unset', {}],
    ['empty', { PLATFORMCTL_PHASE: '' }],
    ['4', { PLATFORMCTL_PHASE: '4' }],
    ['abc', { PLATFORMCTL_PHASE: 'abc' }],
    ['0x5', { PLATFORMCTL_PHASE: '0x5' }],
    ['5.0', { PLATFORMCTL_PHASE: '5.0' }],
    [' 05', { PLATFORMCTL_PHASE: ' 05' }],
    ['-5', { PLATFORMCTL_PHASE: '-5' }],
  ])('%s lets no change through: 4, with the line to set, and every other gate shown', async (_name, env) => {
    const refused = await apply(env as Record<string, string>);
    expect(refused).toMatchObject({ exit: 4, outcome: 'refused', failing: ['G-2'] });
    expect(refused.said).toContain('export PLATFORMCTL_PHASE=05');
  });

  it('for people: the refusal tells the line to set', async () => {
    const { exit, stdout } = await on.repo.platformctl(['apply', 'web']);
    expect(exit).toBe(4);
    expect(stdout).toMatch(
      /^refused: web on host1, nothing was changed \(9 gates: \d pass, 1 fails, \d not reached\)$/m,
    );
    expect(stdout).toMatch(/PCTL-GATE-PHASE {2}PLATFORMCTL_PHASE is not set; this needs 05/);
    expect(stdout).toMatch(/hint: export PLATFORMCTL_PHASE=05/);
    expect(stdout).toMatch(/ \(exit 4\)\n$/);
  });

  it('--env-file cannot put it in', async () => {
    const file = join(on.repo.dir, '..', 'phase.env');
    await writeFile(file, 'PLATFORMCTL_PHASE=05\n');
    expect(await apply({}, '--env-file', file)).toMatchObject({ exit: 4, failing: ['G-2'] });
  });

  it('--dry-run asks for none: 1, and prints the line still to set; nothing is on the host', async () => {
    const dry = await apply({}, '--dry-run');
    expect(dry).toMatchObject({ exit: 1, outcome: 'would_apply', failing: [] });
    expect(dry.said).toContain('PLATFORMCTL_PHASE=05');
    // An .env that lies there undeclared has no say (P-12).
    const file = `--env-file /dev/null -f ${on.repo.remoteRoot()}/modules/web/compose.yaml`;
    expect(dry.said).toContain(`docker compose ${file} -p ${on.project('web')} up -d --no-deps --pull never web`);
    expect(await lab.docker('ps', '-aq', '--filter', `label=com.docker.compose.project=${on.project('web')}`)).toBe('');
  });

  it.each([
    ['05', 'first'],
    ['5', 'second'],
    ['06', 'third'],
  ])('%s lets one plan through: 9', async (phase, value) => {
    if (value !== 'first') await change(value);
    expect(await apply({ PLATFORMCTL_PHASE: phase })).toMatchObject({ exit: 9, outcome: 'applied' });
    expect(await mark()).toBe(value);
  });

  it('05 lets no two plans through: 4, with the line to set, and nothing is changed', async () => {
    await on.module('api', { compose: { services: { api: IDLE } } });
    await on.module('web', { compose: { services: { web: { ...IDLE, environment: { MARK: 'fourth' } } } } });
    await on.repo.publish('two');
    expect((await on.plan('web', 'api')).exit).toBe(1);
    await on.approve('web', 'api');
    const { exit, stdout } = await on.repo.platformctl(['apply', 'web', 'api'], { env: { PLATFORMCTL_PHASE: '05' } });
    expect([exit, stdout]).toEqual([4, expect.stringContaining('export PLATFORMCTL_PHASE=06')]);
    expect(await mark()).toBe('third');
    expect(await lab.docker('ps', '-aq', '--filter', `label=com.docker.compose.project=${on.project('api')}`)).toBe('');
  });

  it('X-4 a plan without changes needs neither phase nor approval: 0, a dry run too', async () => {
    await on.module('web', { compose: { services: { web: { ...IDLE, environment: { MARK: 'third' } } } } });
    await on.repo.publish('as it was');
    expect((await on.plan('web')).exit).toBe(0);
    expect(await apply({})).toMatchObject({ exit: 0, outcome: 'no_changes', failing: [] });
    expect(await apply({}, '--dry-run')).toMatchObject({ exit: 0, outcome: 'no_changes', failing: [] });
  });
});
