/** `logs ID`: the log of a module's container over real sshd, read and followed, and nothing left behind (O-1, O-4, O-5, X-9). */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { change, processes, until } from '../faults/scene.js';
import { BARE } from '../lab/process.js';
import { sharedLab } from '../lab/shared.js';
import { IDLE, type Stage, stage } from './stage.js';

const lab = sharedLab();
let on: Stage;
let container: string;

/** Counts, a line ten times a second, and tells a secret now and then, in two writes. */
const TALK = [
  'echo first; printf "\\033[2Jred\\n::error::x\\n" >&2',
  'while :; do i=$$((i + 1)); printf "line $$i pass"; printf "word=hunter2hunter2 end\\n"; sleep 0.1; done',
].join('; ');

beforeAll(async () => {
  on = await stage(lab);
  await on.module('web', { compose: { services: { web: { ...IDLE, command: ['sh', '-c', TALK] } } } });
  await on.module('quiet', { compose: { services: { quiet: IDLE } } });
  for (const id of ['web', 'quiet']) {
    const changed = await change(on, id);
    expect(changed.exit, changed.said).toBe(9);
  }
  container = await on.container(on.project('web'), 'web');
});
afterAll(() => on.dispose());

interface Following {
  readonly child: ChildProcess;
  said(): string;
  readonly ended: Promise<number | null>;
}

function follow(...args: string[]): Following {
  const bin = fileURLToPath(new URL('../../bin/platformctl.js', import.meta.url));
  const child = spawn(process.execPath, [bin, 'logs', ...args], {
    cwd: on.repo.dir,
    env: { ...BARE, HOME: on.repo.dir, PLATFORMCTL_IDENTITY_FILE: lab.client_key },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes;
  });
  child.stderr.resume();
  return { child, said: () => said, ended: new Promise((resolve) => child.on('close', (code) => resolve(code))) };
}

const onHost = (id: string) => processes('docker', 'logs', id);
const listeners = () => processes('IFS= read -r word');
/** Before the listener's patience of 60 s would end it. Those of other tests come and go. */
const nothingIsLeft = (id: string) =>
  until('nothing of it on the host', async () => (await onHost(id)).length + (await listeners()).length === 0, 40_000);

describe('logs ID', () => {
  it('the last lines of both channels, redacted and visible', async () => {
    const { exit, stdout } = await on.repo.platformctl(['logs', 'web', '--tail', '3']);
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^(line \d+ password=\*\*\* end\n){3}$/);
    const all = await on.repo.platformctl(['logs', 'web', '--tail', 'all']);
    expect(all.stdout).toMatch(/first\n/);
    // The engine writes the container's two channels each in its own time: other lines may come between these two.
    for (const line of ['\\x1b[2Jred', ': :error::x']) expect(all.stdout.split('\n')).toContain(line);
    expect(all.stdout + all.stderr).not.toContain('hunter2');
    const raw = await on.repo.platformctl(['logs', 'web', '--tail', 'all', '--raw']);
    for (const line of ['\x1b[2Jred', '::error::x']) expect(raw.stdout.split('\n')).toContain(line);
    await nothingIsLeft(container);
  });

  it('--since, --json', async () => {
    const { stdout } = await on.repo.platformctl(['logs', 'web', '--since', '1s']);
    const all = await on.repo.platformctl(['logs', 'web', '--tail', 'all']);
    expect(stdout.split('\n').length).toBeLessThan(all.stdout.split('\n').length);
    expect(stdout).not.toContain('first\n');
    const json = await on.repo.platformctl(['logs', 'web', '--json', '--tail', '2']);
    const data = JSON.parse(json.stdout);
    const valid = new Ajv2020({ strict: false }).compile(
      JSON.parse(await readFile('schemas/logs-output.schema.json', 'utf8')),
    );
    valid(data);
    expect(valid.errors ?? []).toEqual([]);
    expect(data).toMatchObject({ module: 'web', host: 'host1', container_id: container, truncated: false });
    expect(data.content).toMatch(/^(line \d+ password=\*\*\* end\n){2}$/);
  });

  it.each([
    [['logs', 'web', '--tail', 'some'], /--tail/],
    [['logs', 'web', '--since', 'yesterday'], /--since/],
    [['logs', 'web', '-f', '--json'], /--follow/],
    [['logs', '0193', '-f'], /no module/],
    [['logs', 'web', '--host', 'host2'], /--host/],
  ])('%j is wrong usage: 2', async (args, says) => {
    const { exit, stdout, stderr } = await on.repo.platformctl(args);
    expect(exit).toBe(2);
    expect(stdout + stderr).toMatch(says);
  });
});

describe('logs ID --follow', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'comes as it is said; %s ends it with 130 and leaves nothing',
    async (signal) => {
      const following = follow('web', '-f', '--tail', '0');
      await until('five lines', async () => following.said().split('\n').length > 5);
      expect(following.said()).toMatch(/^(line \d+ password=\*\*\* end\n)+$/);
      expect((await onHost(container)).length).toBeGreaterThan(0);
      following.child.kill(signal);
      expect(await following.ended).toBe(130);
      await nothingIsLeft(container);
    },
  );

  it('of a container that says nothing, too', async () => {
    const id = await on.container(on.project('quiet'), 'quiet');
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const following = follow('quiet', '--follow');
      await until('docker logs', async () => (await onHost(id)).length > 0);
      following.child.kill(signal);
      expect(await following.ended).toBe(signal === 'SIGINT' ? 130 : null);
      await nothingIsLeft(id);
    }
  });

  it('a reader that goes away ends it', async () => {
    const following = follow('web', '-f');
    await until('a line', async () => following.said().includes('\n'));
    following.child.stdout?.destroy();
    expect(await following.ended).toBe(0);
    await nothingIsLeft(container);
  });

  it('the end of the container ends it: 0; without a container there is nothing to show: 7', async () => {
    const following = follow('web', '-f', '--tail', '0');
    await until('a line', async () => following.said().includes('\n'));
    await lab.docker('stop', container);
    expect(await following.ended).toBe(0);
    await nothingIsLeft(container);
    const after = await on.repo.platformctl(['logs', 'web', '--tail', '1']);
    expect([after.exit, after.stdout]).toEqual([0, expect.stringMatching(/^line /)]);
    await lab.docker('rm', container);
    const none = await on.repo.platformctl(['logs', 'web', '--json']);
    expect(none.exit).toBe(7);
    expect(JSON.parse(none.stdout)).toMatchObject({ error: { code: 'PCTL-LOGS-NO-CONTAINER' } });
  });
});
