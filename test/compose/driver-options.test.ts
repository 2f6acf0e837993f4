/** What a driver's options would give away is in no plan and in no exception (O-1, P-12, M-8). */
import { describe, expect, it } from 'vitest';
import { shownOption } from '../../src/compose/driver-options.js';
import { judgeResolved, judgeText } from '../../src/compose/policy.js';
import { readSkeleton } from '../../src/compose/skeleton.js';
import { processorTime } from '../processor.js';
import { CONTEXT, composed } from './setup.js';

describe('O-1 an option of a driver', () => {
  it.each([
    ['password', 'hunter22', '***'],
    ['sshpass', 'hunter22', '***'],
    ['SSH_PWD', 'hunter22', '***'],
    ['aws_secret_access_key', 'hunter22', '***'],
    ['accessKey', 'hunter22', '***'],
    ['auth_token', 'hunter22', '***'],
    ['password', '', ''],
    ['o', 'username=u,password=hunter22,ro', 'username=u,password=***,ro'],
    ['o', 'pass=hunter22', 'pass=***'],
    ['o', 'ro,PASSWD=hunter22', 'ro,PASSWD=***'],
    ['o', 'addr=10.0.0.1, password2=hunter22', 'addr=10.0.0.1, password2=***'],
    ['o', 'password=hunter,,22,ro', 'password=***,ro'],
    ['o', 'password=,,bind', 'password=***,bind'],
    ['o', 'x=://u:p,bind,y@h', 'x=://u:***,bind@h'],
    ['device', '/srv/app;key=/../../etc', '/srv/app;key=/../../etc'],
    ['o', 'user=u%hunter,,rbind,,22,ro', 'user=u%***,rbind,ro'],
    ['o', 'user=u%hunter22,ro', 'user=u%***,ro'],
    ['o', 'username=u,credentials=/etc/x,secret=hunter22', 'username=u,credentials=***,secret=***'],
    ['o', 'encryption-key=hunter22', 'encryption-key=***'],
    ['device', 'https://u:hunter22@dav.example.net/x', 'https://u:***@dav.example.net/x'],
    ['device', '//nas/x', '//nas/x'],
    ['o', 'addr=10.0.0.1,rw,nfsvers=4,user=u', 'addr=10.0.0.1,rw,nfsvers=4,user=u'],
    ['com.docker.network.bridge.name', 'br0', 'br0'],
  ])('%s: %s is shown as %s', (key, value, shown) => {
    expect(shownOption(key, value)).toBe(shown);
    expect(shownOption(key, shown)).toBe(shown);
  });

  it('takes no longer for a text that was made for it', () => {
    const took = processorTime();
    shownOption('o', 'pass'.repeat(250_000));
    shownOption('o', ';user='.repeat(170_000));
    shownOption('o', '://'.repeat(300_000));
    expect(took()).toBeLessThan(2_000);
  });
});

it('O-1, P-12 a volume plugin and a network driver: the plan and the exception to paste have the same text, without the password', () => {
  const options = (password: string) => ({ sshcmd: 'u@nas:/x', password });
  const document = (password: string) => ({
    services: { app: { image: 'a:1', networks: ['n'], volumes: ['data:/d'] } },
    volumes: { data: { driver: 'vieux/sshfs', driver_opts: options(password) } },
    networks: { n: { driver_opts: options(password) } },
  });
  const file = composed(document('${SSH_PW}'));
  const answer = {
    name: 'p',
    services: {
      app: { image: 'a:1', networks: { n: null }, volumes: [{ type: 'volume', source: 'data', target: '/d' }] },
    },
    volumes: { data: { name: 'p_data', driver: 'vieux/sshfs', driver_opts: options('hunter22') } },
    networks: { n: { name: 'p_n', driver_opts: options('hunter22') } },
    'x-platformctl': { variables: { SSH_PW: '1' }, services: { app: {} } },
  };
  const { resolved } = readSkeleton(answer, 'app', file);
  expect(JSON.stringify(resolved)).not.toContain('hunter22');
  const asked = judgeResolved(resolved, CONTEXT, { file, service: 'app' }).denials;
  expect(asked.map(({ value }) => value)).toEqual(
    expect.arrayContaining(['password=*** sshcmd=u@nas:/x', 'n:driver_opts.password=***']),
  );
  const written = judgeText(composed(document('hunter22')), 'app', CONTEXT).denials;
  expect(written.map(({ value }) => value).toSorted()).toEqual(asked.map(({ value }) => value).toSorted());
});
