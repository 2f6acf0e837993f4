/** What an operator does with platformctl's output, and what tests of acceptance do with the engine. */
import { parse } from 'yaml';
import type { Lab } from '../lab/lab.js';

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
