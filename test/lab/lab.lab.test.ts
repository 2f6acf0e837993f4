import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, startLab } from './lab.js';
import { type ThrowawayRepo, throwawayRepo } from './repo.js';
import { sharedLab } from './shared.js';

const COMPOSE =
  'services:\n  a:\n    image: lab/busybox:1\n    command: [sleep, "1000"]\n    restart: unless-stopped\n    stop_grace_period: 1s\n    volumes: [./data:/data]\n';

describe('the shared lab', () => {
  it('has hosts that the agent logs in to, with docker, compose and its own remote root', async () => {
    const lab = sharedLab();
    for (const host of lab.hosts) {
      const told = await lab.asAgent(
        host,
        `id -un && docker compose version --short && touch ${host.remote_root}/mine && rm ${host.remote_root}/mine`,
      );
      expect(told).toEqual({ exit: 0, stdout: `platform-host-agent\n${lab.compose_versions['2.26']}\n`, stderr: '' });
    }
    expect(new Set(lab.hosts.map((host) => host.host_key)).size).toBe(lab.hosts.length);
  });

  it('has two images with different ids that run', async () => {
    const lab = sharedLab();
    expect(lab.images['lab/busybox:1']).not.toBe(lab.images['lab/busybox:2']);
    expect(await lab.docker('run', '--rm', 'lab/busybox:2', 'cat', '/etc/lab-image')).toBe('2');
  });

  it('passes on the exit code and input of a command', async () => {
    expect(await sharedLab().asAgent('host2', 'cat; exit 3', { input: 'a\nb' })).toEqual({
      exit: 3,
      stdout: 'a\nb',
      stderr: '',
    });
  });
});

describe('a throwaway repo', () => {
  let repo: ThrowawayRepo;
  beforeAll(async () => {
    repo = await throwawayRepo(sharedLab(), { hosts: { host2: { repo_root: 'hosts/host2' } } });
  });
  afterAll(() => repo.dispose());

  it('has a config for the hosts and a main that the remote has too', async () => {
    expect(await readFile(`${repo.dir}/.platform/config.yaml`, 'utf8')).toContain('repo_root: hosts/host2');
    const head = await repo.git('rev-parse', 'HEAD');
    expect(await repo.git('ls-remote', '--symref', 'origin', 'HEAD')).toBe(`ref: refs/heads/main\tHEAD\n${head}\tHEAD`);
  });

  it('commits as bob unless told otherwise, and pushes', async () => {
    await repo.write('modules/x/module.yaml', 'a: 1\n');
    const sha = await repo.publish('x');
    expect(await repo.git('log', '-1', '--format=%ae %ce')).toBe('bob@example.net bob@example.net');
    expect(await repo.git('ls-remote', 'origin', 'main')).toBe(`${sha}\trefs/heads/main`);
    await repo.commit('y', { author: 'alice' });
    expect(await repo.git('log', '-1', '--format=%ae')).toBe('alice@example.net');
  });

  it('has remote roots that the agent may write and no other repo has', async () => {
    const lab = sharedLab();
    const made = await lab.asAgent(
      'host1',
      `mkdir ${repo.remoteRoot()}/folder && stat -c %U ${repo.remoteRoot('host1')}`,
    );
    expect(made.stdout).toBe('platform-host-agent\n');
    const other = await throwawayRepo(lab);
    expect(other.remoteRoot()).not.toBe(repo.remoteRoot());
    await other.dispose();
    expect(existsSync(other.dir)).toBe(false);
  });
});

describe('a lab of its own', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ compose: '2.40', ownEngine: true });
  });

  it('upgrades compose, keeps containers over a restart of its engine, and leaves nothing', async () => {
    const version = async () => (await lab.asAgent('host1', 'docker compose version --short')).stdout.trim();
    expect(await version()).toBe(lab.compose_versions['2.40']);
    await lab.setCompose('host1', '2.26');
    expect(await version()).toBe(lab.compose_versions['2.26']);

    const root = lab.host().remote_root;
    const up = await lab.asAgent(
      'host1',
      `cd ${root} && mkdir data && echo hello >data/f && cat >compose.yaml && docker compose -p lab up -d`,
      { input: COMPOSE },
    );
    expect(up).toMatchObject({ exit: 0 });
    const container = await lab.docker('ps', '-q', '--no-trunc');
    expect(await lab.docker('exec', container, 'cat', '/data/f')).toBe('hello');
    await lab.restartEngine();
    await expect.poll(() => lab.docker('ps', '-q', '--no-trunc'), { timeout: 20_000 }).toBe(container);

    await lab.asAgent('host1', 'setsid sleep 4321 >/dev/null 2>&1 </dev/null & sleep 0.2');
    await lab.stop();
    expect(existsSync(lab.dir)).toBe(false);
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'stat,args']);
    const left = stdout
      .split('\n')
      .filter((line) => !line.startsWith('Z') && (line.includes(lab.dir) || line.includes('sleep 4321')));
    expect(left).toEqual([]);
    expect(readdirSync('/run/platformctl-lab/labs')).not.toContain(lab.dir.replaceAll('/', '_'));
  });
});
