/** A stack.yaml as text (M-9), for what runs already. */
import { stringify } from 'yaml';

export interface StackText {
  readonly id: string;
  readonly host: string;
  readonly composeFile: string;
  readonly project: string;
  readonly services: readonly StackService[];
  /** Comments, a line each: no line break in them. */
  readonly notes: readonly string[];
}

export interface StackService {
  /** In the compose file. */
  readonly name: string;
  /** The module's; null: `<stack>-<name>`. */
  readonly id: string | null;
  readonly protected: boolean;
  /** A job that ended. */
  readonly job: boolean;
  readonly hostFiles: readonly string[];
}

const inline = (value: unknown): string => stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();

/** Files that every service of it needs stand once, the others with their service: the lists add up. */
export function stackText({ id, host, composeFile, project, services, notes }: StackText): string {
  const [first] = services;
  const shared = (first?.hostFiles ?? []).filter((path) => services.every(({ hostFiles }) => hostFiles.includes(path)));
  return [
    '# yaml-language-server: $schema=../../schemas/stack.schema.json',
    `# What ran on ${host} when platformctl import looked: a module for each service.`,
    ...notes.map((note) => `# ${note}`.trimEnd()),
    'apiVersion: platformctl/v1',
    'kind: Stack',
    'metadata:',
    `  id: ${inline(id)}`,
    'spec:',
    `  host: ${inline(host)}`,
    '  runtime:',
    `    compose_file: ${inline(composeFile)}`,
    `    project: ${inline(project)}`,
    ...(shared.length > 0 ? [`    host_files: ${inline(shared)}   # they stay on the host, unread`] : []),
    '  services:',
    ...services.map((service) => `    ${inline(service.name)}: ${inline(own(service, shared))}`),
    '',
  ].join('\n');
}

function own(service: StackService, shared: readonly string[]): object {
  const hostFiles = service.hostFiles.filter((path) => !shared.includes(path));
  return {
    ...(service.id === null ? {} : { id: service.id }),
    ...(hostFiles.length > 0 ? { runtime: { host_files: hostFiles } } : {}),
    ...(service.protected ? { protected: true } : {}),
    ...(service.job ? { smoke: { exits: 0 } } : {}),
  };
}
