/** The demo as CI runs it: no terminal, no questions, nothing left behind. */
import { existsSync, readdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type Finished, finish } from '../lab/process.js';
import { sharedLab } from '../lab/shared.js';

const COMMANDS = [
  [0, 'init --team'],
  [0, 'validate'],
  [1, 'plan hello'],
  [0, 'approve hello'],
  [9, 'apply hello'],
  [0, 'status'],
  [0, 'plan hello'],
  [1, 'plan hello'],
  [0, 'approve hello'],
  [11, 'apply hello'],
  [0, 'status'],
  [4, 'plan hello'],
  [1, 'plan hello'],
  [0, 'approve hello'],
  [8, 'apply hello'],
  [0, 'audit verify --host demo'],
  [0, 'audit verify'],
] as const;

const SUMMARY = COMMANDS.map(([exit, typed]) => `  ok   exit ${`${exit}`.padEnd(3)} platformctl ${typed}`).join('\n');

async function demo(args: string[], env = {}): Promise<Finished & { readonly pid: number | undefined }> {
  let pid: number | undefined;
  const finished = await finish(process.execPath, ['test/demo/run.mjs', ...args], {
    env: { ...process.env, CI: 'true', ...env },
    // It starts a lab of its own, on a machine that other tests keep busy.
    timeoutMs: 590_000,
    started: (child) => {
      pid = child.pid;
    },
  });
  return { ...finished, pid };
}

/** Containers, networks and folders that a demo made. */
async function leftOf(pid: number | undefined): Promise<string[]> {
  const label = `label=com.docker.compose.project=demo${pid}`;
  const { docker } = sharedLab();
  const folders = [tmpdir(), '/srv', homedir()].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(`platformctl-demo-${pid}-`)) : [],
  );
  const made = [
    await docker('ps', '-aq', '--filter', label),
    await docker('network', 'ls', '-q', '--filter', label),
    ...folders,
  ];
  return made.filter((one) => one !== '');
}

describe('npm run demo', () => {
  it('shows every command over SSH with the exit code that the exit table gives it, and leaves nothing', async () => {
    const { exit, stdout, stderr, pid } = await demo([]);
    expect(stdout).toContain(`== Summary\n\n${SUMMARY}\n`);
    expect(stdout).not.toContain('NOT AS EXPECTED');
    expect(stdout).not.toContain('left out');
    expect(stdout).toMatch(/\ndemo: (\d+) of \1 checks as expected, 17 commands, \d+ s\n$/);
    // A roll back is shown by what answers afterwards, not by what is said.
    expect(stdout).toMatch(/\(exit 11\)\n\n\$ curl \S+\nversion 1\n/);
    expect({ exit, stderr: exit === 0 ? '' : stderr }).toEqual({ exit: 0, stderr: '' });
    expect(await leftOf(pid)).toEqual([]);
  });

  it('shows the same on the engine of this machine, and says that SSH was left out', async () => {
    // This machine's docker may have no compose; the lab's has.
    const { exit, stdout, pid } = await demo(['--local'], { DOCKER_CONFIG: sharedLab().host().docker_config });
    expect(stdout).toContain(`== Summary\n\n${SUMMARY}\n`);
    expect(stdout).toContain('\nleft out: SSH');
    expect(exit).toBe(0);
    expect(await leftOf(pid)).toEqual([]);
  });

  it('fails where it cannot be shown', async () => {
    const { exit, stdout, stderr, pid } = await demo(['--local'], { DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
    expect(exit).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('demo: docker info');
    expect(await leftOf(pid)).toEqual([]);
  });
});
