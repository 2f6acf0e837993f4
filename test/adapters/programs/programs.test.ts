import { describe, expect, it } from 'vitest';
import { tryProgram } from '../../../src/adapters/programs/programs.js';
import { programChecks } from '../../../src/flows/doctor-programs.js';
import type { TriedProgram, World } from '../../../src/ports.js';

const env = { PATH: process.env.PATH ?? '', MARK: 'seen' };

describe('C-7 a program is tried by running it', () => {
  it('that works, fails, is not there; it gets the environment that it is given and no other', async () => {
    expect(await tryProgram(env, 'sh', ['-c', 'echo hello'])).toEqual({ works: true, said: 'hello' });
    expect(await tryProgram(env, 'sh', ['-c', 'echo no >&2; exit 3'])).toEqual({ works: false, said: 'no' });
    expect(await tryProgram(env, 'no-such-program-here', [])).toBeNull();
    expect(await tryProgram({ PATH: '/nowhere' }, 'sh', [])).toBeNull();
    const { said } = (await tryProgram(env, 'env', [])) as TriedProgram;
    expect(said).toContain('MARK=seen');
    expect(said).not.toContain('HOME=');
  });

  const answering = (answers: Record<string, TriedProgram | null>): World =>
    ({ tryProgram: async (command: string) => answers[command] ?? null }) as unknown as World;
  const works = {
    python3: { works: true, said: 'Python 3.11.2\n' },
    uv: { works: true, said: 'uv 0.9.1 (abc)' },
    bwrap: { works: true, said: 'bubblewrap 0.8.0' },
  };

  it('all there', async () => {
    const found = await programChecks(answering(works), true);
    expect(found.map(({ check }) => [check.id, check.ok, check.detail])).toEqual([
      ['python', true, '3.11.2 works'],
      ['uv', true, '0.9.1 works'],
      ['bwrap', true, '0.8.0 works'],
    ]);
  });

  it.each([
    ['not there', null, 'there is no uv'],
    ['fails', { works: false, said: 'Traceback' }, 'uv is there and does not work'],
    ['is another', { works: true, said: 'I am no uv' }, 'uv is there and does not work'],
  ])('one %s: with packs it fails and names the fix, without it is told and nothing fails', async (_, uv, detail) => {
    const [, needed] = await programChecks(answering({ ...works, uv }), true);
    expect(needed).toMatchObject({ exit: 2, check: { ok: false, detail, fix: expect.stringMatching(/install uv/) } });
    const [, optional] = await programChecks(answering({ ...works, uv }), false);
    expect(optional?.check).toMatchObject({ ok: true, detail: expect.stringContaining(detail), fix: null });
  });
});
