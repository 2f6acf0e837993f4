import { describe, expect, it } from 'vitest';
import { STEERING, steeringProblems } from '../../src/compose/steering.js';

describe('P-12 what would steer compose itself, in the text of a .env', () => {
  // Each of these is read as COMPOSE_X by compose 2.26 and 2.40.
  it.each([
    'COMPOSE_X=1',
    'COMPOSE_X: 1',
    'COMPOSE_X : 1',
    '\tCOMPOSE_X=1',
    'export  COMPOSE_X=1',
    'export\tCOMPOSE_X=1',
    'COMPOSE_X =1',
    '\ufeffCOMPOSE_X=1',
    '\u00a0COMPOSE_X=1',
    '\vCOMPOSE_X=1',
    '\u0085COMPOSE_X=1',
    "V='a'COMPOSE_X=1",
    "V='a' COMPOSE_X=1",
    'V="a"COMPOSE_X: 1',
    'export\nCOMPOSE_X=1',
    'V=\n COMPOSE_X=1',
    'DOCKER_X=1',
  ])('%j', (text) => {
    expect(steeringProblems(text, '.env').map(({ message }) => message.slice(-37))).toHaveLength(1);
    expect(steeringProblems(`A=1\n${text}\n`, 'app/.env')[0]).toMatchObject({
      code: 'PCTL-DOTENV-STEERS',
      file: 'app/.env',
      hint: expect.any(String),
    });
  });

  it.each([
    'A=1',
    'MY_COMPOSE_X=1',
    '# COMPOSE_X=1',
    '  # DOCKER_HOST=x',
    'A=b # COMPOSE_X=1',
    'URL=http://x?COMPOSE_X=1',
    '',
  ])('not %j', (text) => expect(steeringProblems(text, '.env')).toEqual([]));

  it('has its place', () => {
    expect(steeringProblems('A=1\n  export COMPOSE_FILE=x\n', '.env')[0]).toMatchObject({ line: 2, column: 10 });
  });

  it('names to ask for are names', () => {
    for (const name of STEERING) expect(name).toMatch(/^(COMPOSE|DOCKER)_[A-Z_]+$/);
    expect(STEERING).not.toContain('COMPOSE_PROJECT_NAME');
  });
});
