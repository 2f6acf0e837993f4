/** What an operator does with platformctl's output, and what tests of acceptance do with the engine. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { quote } from '../../src/quote.js';
import type { Lab } from '../lab/lab.js';
import { BARE } from '../lab/process.js';

const PLATFORMCTL = fileURLToPath(new URL('../../bin/platformctl.js', import.meta.url));
const ESCAPES = /\x1b\[[0-9;?]*[A-Za-z]/g;

export interface PastedException {
  readonly module: string;
  readonly rule: string;
  readonly value?: string;
  readonly reason: string;
}

/** The exceptions that a refusal printed, read as they would be pasted into config.yaml. */
export function pastedExceptions(output: string): PastedException[] {
  const lines = output.split('\n').map((line) => line.trim().replace(/ +\(exit [0-9]+\)$/, ''));
  return parse(lines.filter((line) => line.startsWith('- { module:')).join('\n')) ?? [];
}

/** Removes containers, networks and volumes of every project whose name begins with a repo's id. */
export async function removeProjects(lab: Lab, id: string): Promise<void> {
  const lines = async (...args: string[]): Promise<string[]> => (await lab.docker(...args)).split('\n').filter(Boolean);
  const mine = (rows: readonly string[]): string[] =>
    rows.filter((row) => row.split(' ')[1]?.startsWith(id)).map((row) => row.split(' ')[0] as string);
  const format = '{{.ID}} {{.Label "com.docker.compose.project"}}';
  const containers = mine(await lines('ps', '-a', '--format', format));
  if (containers.length > 0) await lab.docker('rm', '-f', '-v', ...containers);
  const networks = mine(await lines('network', 'ls', '--format', format));
  if (networks.length > 0) await lab.docker('network', 'rm', ...networks);
  const volumes = mine(await lines('volume', 'ls', '--format', '{{.Name}} {{.Label "com.docker.compose.project"}}'));
  if (volumes.length > 0) await lab.docker('volume', 'rm', ...volumes);
}

export interface AtTerminal {
  readonly exit: number | null;
  /** What the person saw, without escape sequences. */
  readonly seen: string;
}

/** The built platformctl as a line for a shell. */
export const commandLine = (...args: readonly string[]): string =>
  [process.execPath, PLATFORMCTL, ...args].map(quote).join(' ');

/** A shell's line on a terminal of its own, whose answers are typed when their question stands there. */
export function atTerminal(
  at: { readonly dir: string; readonly env: Readonly<Record<string, string>> },
  line: string,
  answers: readonly (readonly [question: RegExp, answer: string])[] = [],
): Promise<AtTerminal> {
  return new Promise((resolve, reject) => {
    // Its stdin stays open to the end: `script` would pass its end on as Ctrl-D.
    const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      cwd: at.dir,
      env: { ...BARE, ...at.env, TERM: 'xterm', SHELL: '/bin/sh' },
      stdio: 'pipe',
    });
    const waiting = [...answers];
    let seen = '';
    let asked = 0;
    child.stdout.on('data', (bytes: Buffer) => {
      seen += `${bytes}`;
      const [next] = waiting;
      if (!next?.[0].test(seen.slice(asked))) return;
      asked = seen.length;
      waiting.shift();
      child.stdin.write(`${next[1]}\r`);
    });
    child.on('error', reject);
    const deadline = setTimeout(() => child.kill('SIGKILL'), 90_000);
    child.on('close', (exit) => {
      clearTimeout(deadline);
      if (waiting.length > 0) reject(new Error(`never asked ${waiting[0]?.[0]}:\n${seen}`));
      else resolve({ exit, seen: seen.replaceAll(ESCAPES, '').replaceAll('\r\n', '\n') });
    });
  });
}
