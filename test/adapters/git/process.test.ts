/** git as a process: what it leaves behind where it, or what it started, does not end by itself. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

let folder: string;
let server: Server | undefined;
const sockets = new Set<Socket>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pctl-git-process-'));
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server?.close();
  server = undefined;
  // What a test that failed left.
  if (existsSync(join(folder, 'pid')) && alive()) process.kill(transport(), 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A transport that never answers, and does not end when it is asked to. */
const STUBBORN = 'trap "" TERM HUP; echo $$ > "$0.tmp"; mv "$0.tmp" "$(dirname "$0")/pid"; exec sleep 60';
const transport = (): number => Number(readFileSync(join(folder, 'pid'), 'utf8'));
const alive = (): boolean => {
  try {
    // A zombie that nobody here reaps has ended.
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${transport()}/status`, 'utf8'));
  } catch {
    return false;
  }
};
const until = async (holds: () => boolean): Promise<void> => {
  for (const end = Date.now() + 10_000; !holds() && Date.now() < end; ) await new Promise((r) => setTimeout(r, 20));
  expect(holds()).toBe(true);
};

/** A Node with `git` in scope that asks a remote whose ssh is `ssh`, a line of shell. Its exit code; killed after 15 s. */
function asking(code: string, url: string, ssh = STUBBORN) {
  writeFileSync(join(folder, 'ssh'), `#!/bin/sh\n${ssh}\n`, { mode: 0o755 });
  const script = join(folder, 'ask.mts');
  const at = JSON.stringify({
    dir: folder,
    env: { PATH: process.env.PATH, HOME: folder, GIT_SSH_COMMAND: join(folder, 'ssh') },
  });
  writeFileSync(
    script,
    `import { git } from ${JSON.stringify(join(process.cwd(), 'src/adapters/git/process.ts'))};
const ask = (options) => git(${at}, ['ls-remote', ${JSON.stringify(url)}], options).catch((error) => console.log(error.code));
${code}\n`,
  );
  const child = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const ended = new Promise<{ code: number | string | null; said: string }>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? signal, said });
    });
  });
  return { child, ended };
}

it('X-8, G-1: a silent https remote ends at the deadline, and so does this process', async () => {
  server = createServer((socket) => void sockets.add(socket.on('error', () => {}).resume())).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const { ended } = asking('await ask({ ms: 500 });', `https://127.0.0.1:${port}/x`);
  expect(await ended).toEqual({ code: 0, said: 'PCTL-GIT-TIMEOUT\n' });
  // git-remote-https hung up.
  await until(() => [...sockets].every((socket) => socket.closed || socket.readableEnded));
});

it('X-8: what git started ends with it, also where it takes no TERM', async () => {
  const { ended } = asking('await ask({ ms: 1500 });', 'ssh://host/x');
  expect(await ended).toEqual({ code: 0, said: 'PCTL-GIT-TIMEOUT\n' });
  expect(alive()).toBe(false);
});

it('X-8: what left the group and holds the pipes holds nobody up', async () => {
  const { ended } = asking('await ask({ ms: 1500 });', 'ssh://host/x', `exec setsid sh -c '${STUBBORN}' "$0"`);
  expect(await ended).toEqual({ code: 0, said: 'PCTL-GIT-TIMEOUT\n' });
});

it.each([
  ['SIGINT', 130],
  ['SIGHUP', 'SIGHUP'],
] as const)('X-9: %s, which the terminal no longer sends to git, leaves none behind', async (signal, code) => {
  const polite = STUBBORN.replace('trap "" TERM HUP; ', '');
  const { child, ended } = asking(
    "process.on('SIGINT', () => process.exit(130)); await ask({});",
    'ssh://host/x',
    polite,
  );
  await until(() => existsSync(join(folder, 'pid')));
  expect(alive()).toBe(true);
  child.kill(signal);
  expect((await ended).code).toBe(code);
  await until(() => !alive());
});
