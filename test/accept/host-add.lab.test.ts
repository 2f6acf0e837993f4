/** A machine that nobody named yet becomes a host: its key is compared, config.yaml keeps what a person wrote, and the commands for root make an account that works. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { finish } from '../lab/process.js';
import { type ThrowawayRepo, throwawayRepo } from '../lab/repo.js';
import { sharedLab } from '../lab/shared.js';
import { atTerminal, commandLine } from './operator.js';

const lab = sharedLab();
const box = lab.host('host2');
const FINGERPRINT = `SHA256:${createHash('sha256')
  .update(Buffer.from(box.host_key.split(' ')[1] as string, 'base64'))
  .digest('base64')
  .replace(/=+$/, '')}`;
const OTHER = `SHA256:${'A'.repeat(43)}`;
const ADD = ['host', 'add', 'box', '--address', '127.0.0.1', '--port', `${box.port}`];
const CONFIG = '.platform/config.yaml';

let repo: ThrowawayRepo;
let written: string;
const config = (): Promise<string> => readFile(join(repo.dir, CONFIG), 'utf8');

beforeAll(async () => {
  repo = await throwawayRepo(lab, { config: {} });
  written = `# The machines of our house.\n${(await config()).replace('  host2:', '  # the second one\n  host2:')}`;
});
beforeEach(() => repo.write(CONFIG, written));
afterAll(() => repo.dispose());

describe('host add', () => {
  it('with the fingerprint: the host is there, every line that was there stays, and the document is its schema', async () => {
    const done = await repo.platformctl([...ADD, '--fingerprint', FINGERPRINT, '--json']);
    expect(done.exit, done.stderr).toBe(0);
    const document = JSON.parse(done.stdout);
    const ajv = new Ajv2020();
    expect([
      ajv.validate(JSON.parse(await readFile('schemas/host-add.schema.json', 'utf8')), document),
      ajv.errors,
    ]).toEqual([true, null]);
    expect(document).toMatchObject({ host: 'box', host_key: { kind: 'ssh-ed25519', fingerprint: FINGERPRINT } });
    expect(done.stderr).toContain(FINGERPRINT);
    const after = await config();
    const added = [
      'box:',
      '  transport: ssh',
      '  address: 127.0.0.1',
      `  port: ${box.port}`,
      `  host_key: ${box.host_key}`,
    ];
    expect(after).toBe(written.replace('approval:', `${added.map((line) => `  ${line}\n`).join('')}approval:`));
    const checked = await repo.platformctl(['host', 'check', 'box', '--json']);
    expect(JSON.parse(checked.stdout).checks.find(({ id }: { id: string }) => id === 'connect')).toMatchObject({
      ok: true,
    });
  });

  it('on a terminal: the fingerprint has to be typed in full', async () => {
    const at = { dir: repo.dir, env: { HOME: '/nonexistent' } };
    const question = /type its fingerprint in full.*: /;
    for (const answer of ['yes', 'y', '', FINGERPRINT.slice(0, 20), OTHER]) {
      const refused = await atTerminal(at, commandLine(...ADD), [[question, answer]]);
      expect([answer, refused.exit], refused.seen).toEqual([answer, 4]);
    }
    expect(await config()).toBe(written);
    const done = await atTerminal(at, commandLine(...ADD), [[question, FINGERPRINT]]);
    expect(done.exit, done.seen).toBe(0);
    expect(done.seen).toMatch(/ssh-ed25519 {2}SHA256:/);
    expect(await config()).toContain(`host_key: ${box.host_key}`);
  });

  it.each([
    ['C-4 no terminal and no fingerprint: names the flag', [], 2, 'PCTL-HOST-FINGERPRINT', '--fingerprint SHA256:'],
    ['G-6 another fingerprint', ['--fingerprint', OTHER], 4, 'PCTL-HOST-FINGERPRINT-OTHER', 'ssh-keygen -lf'],
    ['G-6 user root', ['--fingerprint', FINGERPRINT, '--user', 'root'], 4, 'PCTL-GATE-HOST', 'group docker'],
    ['half a fingerprint', ['--fingerprint', FINGERPRINT.slice(0, 30)], 2, 'PCTL-USAGE', '43 characters'],
    ['no port', ['--port', '70000'], 2, 'PCTL-USAGE', '65535'],
    [
      'no address that a config takes',
      ['--address', '-oProxyCommand=x'],
      3,
      'PCTL-VALUE',
      'hosts.box.address cannot be',
    ],
  ])('%s', async (_, more, exit, code, words) => {
    const done = await repo.platformctl([...ADD, ...more]);
    expect(done.exit, done.stdout + done.stderr).toBe(exit);
    expect(done.stderr).toContain(code);
    expect(done.stderr).toContain(words);
    expect(await config()).toBe(written);
  });

  it('never over a host that is there: and nobody is connected to', async () => {
    const done = await repo.platformctl(['host', 'add', 'host1', '--address', '192.0.2.1', '--fingerprint', OTHER]);
    expect([done.exit, done.stderr]).toEqual([2, expect.stringContaining('PCTL-HOST-EXISTS')]);
    expect(await config()).toBe(written);
  });

  it('without a config: 3, hint init', async () => {
    await repo.remove(CONFIG);
    const done = await repo.platformctl([...ADD, '--fingerprint', FINGERPRINT]);
    expect([done.exit, done.stderr]).toEqual([3, expect.stringMatching(/PCTL-NO-CONFIG[\s\S]*platformctl init/)]);
  });

  it('the commands for root, run as they stand, make an account that an apply can use', async () => {
    const user = `pctl-${repo.id}`;
    const { stdout } = await repo.platformctl([...ADD, '--user', user, '--fingerprint', FINGERPRINT, '--json']);
    const { as_root: commands } = JSON.parse(stdout) as { as_root: string[] };
    // The redactor takes what follows `--password` for one.
    expect(commands.join('\n')).toContain(`usermod -p '*' ${user} `);
    try {
      for (const line of commands) {
        const done = await finish('sh', ['-c', line]);
        expect([line, done.exit, done.stderr]).toEqual([line, 0, '']);
      }
      const keys = `/home/${user}/.ssh/authorized_keys`;
      expect(await readFile(keys, 'utf8')).toBe(`${lab.client_public_key}\n`);
      expect((await finish('stat', ['-c', '%U %a', keys])).stdout).toBe(`${user} 600\n`);
      const checked = await repo.platformctl(['host', 'check', 'box', '--json']);
      const checks: { id: string; ok: boolean; detail: string }[] = JSON.parse(checked.stdout).checks;
      for (const id of ['connect', 'user', 'docker', 'remote-root'])
        expect(checks.find((check) => check.id === id)).toMatchObject({ ok: true });
      expect(checks.find(({ id }) => id === 'user')?.detail).toContain(user);
    } finally {
      await finish('userdel', ['--remove', user]);
    }
  });
});
