/** What the ssh adapter's tests hand to `createConnect`: real files, an environment as given, time that does not pass while it sleeps. */
import { existsSync, readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import type { ConnectDeps } from '../../../src/adapters/ssh/connect.js';
import type { HostAddress } from '../../../src/ports.js';
import { Secret } from '../../../src/secret/secret.js';
import type { Sshd } from './sshd.js';

export interface TestDeps extends ConnectDeps {
  readonly slept: number[];
  readonly hidden: Secret[];
  readonly warned: string[];
}

const unused = (): never => {
  throw new Error('not expected to be called');
};

export function testDeps(variables: Record<string, string> = {}, overrides: Partial<ConnectDeps> = {}): TestDeps {
  const slept: number[] = [];
  const hidden: Secret[] = [];
  const warned: string[] = [];
  return {
    slept,
    hidden,
    warned,
    environment: {
      get: (name) => variables[name],
      secret: (name) =>
        variables[name] === undefined ? undefined : new Secret(variables[name] as string, `env:${name}`),
      admit: () => undefined,
    },
    files: {
      read: async (path) => (existsSync(path) ? readFileSync(path) : null),
      write: unused,
      append: unused,
      list: unused,
      remove: unused,
    },
    clock: {
      now: unused,
      uuid: unused,
      random: () => 0.5,
      sleep: async (ms) => {
        slept.push(ms);
      },
    },
    tailnet: { status: unused },
    hide: (secret) => hidden.push(secret),
    homeDirectory: '/nonexistent',
    warn: (text) => warned.push(text),
    ...overrides,
  };
}

export function addressOf(
  sshd: Pick<Sshd, 'port' | 'user' | 'hostKey'>,
  overrides: Partial<HostAddress> = {},
): HostAddress {
  return {
    name: 'box',
    transport: 'ssh',
    address: '127.0.0.1',
    port: sshd.port,
    user: sshd.user,
    hostKey: sshd.hostKey,
    knownHostsFile: null,
    identityFile: null,
    shared: false,
    jump: [],
    ...overrides,
  };
}

export const program = (text: string, ...args: string[]) => ({ name: 'test', text, args });
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array): string => new TextDecoder().decode(value);

/** The error that a promise ends in; a promise that does not reject is a failure of the test. */
export async function failure(
  promise: Promise<unknown>,
): Promise<{ code: string; exit: number; summary: string; why?: string; hint?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as never;
  }
  throw new Error('it did not fail');
}

/** A new key pair. One in 300 ed25519 pairs that ssh2 makes is malformed: it drops a zero byte. */
export function keyPair(): { readonly private: string; readonly public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error || ssh2.utils.parseKey(pair.public) instanceof Error))
      return pair;
  }
}
