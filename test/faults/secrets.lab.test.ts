/** O-1, O-3, O-6: a secret that the host says — in a log, in compose's stderr, in a URL, in an error — is nowhere that platformctl writes or shows. Real sshd, real engine. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IDLE, type Stage, stage } from '../accept/stage.js';
import { sharedLab } from '../lab/shared.js';
import { change, prepare } from './scene.js';

const lab = sharedLab();
const PASSWORD = 'k7Qm2vXr9TzW4bNs';
const TOKEN = `ghp_${'A1b2C3d4E5'.repeat(4).slice(0, 36)}`;
const SECRETS = [PASSWORD, TOKEN];
const SMOKE = { stable_seconds: 2, timeout_seconds: 20 };
let on: Stage;

beforeAll(async () => {
  on = await stage(lab);
});
afterAll(() => on.dispose());

/** Every file of this checkout's state, and the documents and chain of the host. What a run's own folder keeps there is raw by design (O-1). */
async function written(): Promise<string> {
  const texts: string[] = [];
  for (const root of [join(on.repo.dir, '.platform/state'), join(on.repo.remoteRoot(), '.platform/state')])
    for (const name of await readdir(root, { recursive: true }))
      texts.push(await readFile(join(root, name), 'latin1').catch(() => ''));
  expect(texts.join('').length).toBeGreaterThan(100);
  return texts.join('\n');
}

function expectNone(what: string, text: string): void {
  for (const secret of SECRETS) {
    expect(text, what).not.toContain(secret);
    expect(text, what).not.toContain(Buffer.from(secret).toString('base64'));
  }
}

/** Applies what is committed as text and as JSON and looks everywhere. Returns what the text said. */
async function appliedBadly(id: string, exit: number): Promise<string> {
  await on.repo.publish(id);
  await prepare(on, id);
  const text = await on.repo.platformctl(['apply', id, '--full'], { env: { PLATFORMCTL_PHASE: '05' } });
  expect(text.exit, text.stdout + text.stderr).toBe(exit);
  await on.repo.commit('again');
  await on.repo.push();
  await prepare(on, id);
  const json = await on.repo.platformctl(['apply', id, '--json'], { env: { PLATFORMCTL_PHASE: '05' } });
  expect(json.exit, json.stdout + json.stderr).toBe(exit);
  const run = (JSON.parse(json.stdout) as { results: { run_id: string | null }[] }).results[0]?.run_id;
  const others = [
    ['status', '--json'],
    ['runs', '--json'],
    ['audit', 'verify', '--json'],
    ['logs', String(run)],
    ['logs', String(run), '--json'],
  ];
  expectNone('apply', text.stdout + text.stderr);
  expectNone('apply --json', json.stdout + json.stderr);
  for (const args of others) {
    const done = await on.repo.platformctl(args);
    expectNone(args.join(' '), done.stdout + done.stderr);
  }
  expectNone('what was written', await written());
  return text.stdout;
}

describe('O-1 a secret that the host says', () => {
  it("in a container's log, in the forms that programs print: masked, and the rest of the line stays", async () => {
    await on.module('web', { compose: { services: { web: IDLE } }, spec: { smoke: SMOKE } });
    expect((await change(on, 'web')).exit).toBe(9);
    const says = [
      `DB_PASSWORD=${PASSWORD}`,
      `{"token": "${TOKEN}", "user": "web"}`,
      `cannot connect to postgres://app:${PASSWORD}@database:5432/app`,
      `GET https://api.example.net/v1?token=${PASSWORD}&page=2`,
      `Authorization: Bearer ${PASSWORD}`,
    ];
    const script = `${says.map((line) => `echo '${line}'`).join('; ')}; exit 3`;
    await on.repo.write('modules/web/start.sh', script);
    await on.module('web', {
      compose: { services: { web: { ...IDLE, command: ['sh', '/start.sh'], volumes: ['./start.sh:/start.sh:ro'] } } },
      spec: { smoke: SMOKE },
    });
    const said = await appliedBadly('web', 11);
    expect(said).toContain('DB_PASSWORD=***');
    expect(said).toContain('database:5432/app');
    expect(said).toContain('page=2');
  });

  it("in compose's stderr and in the error that it makes: masked", async () => {
    // compose quotes the command that it cannot start.
    await on.module('cmd', {
      compose: {
        services: {
          cmd: { ...IDLE, init: false, entrypoint: [`/nowhere/password=${PASSWORD}/${TOKEN}`], command: [] },
        },
      },
      spec: { smoke: SMOKE },
    });
    const said = await appliedBadly('cmd', 11);
    expect(said).toContain('docker compose failed with 1');
  });

  it('in the URL of a remote that git cannot reach (O-6): masked', async () => {
    await on.repo.git('remote', 'set-url', 'origin', `https://alice:${PASSWORD}@127.0.0.1:9/owner/platform.git`);
    for (const args of [['apply', 'web'], ['apply', 'web', '--json'], ['doctor'], ['plan', 'web', '--debug']]) {
      const done = await on.repo.platformctl(args, { env: { PLATFORMCTL_PHASE: '05' } });
      expectNone(args.join(' '), done.stdout + done.stderr);
    }
  });
});
