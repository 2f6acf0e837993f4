/** A World with real files, real ssh-keygen and real git, for the flows of approval; what they must not touch throws. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { openGit } from '../../src/adapters/git/git.js';
import { createSigner } from '../../src/adapters/signer/signer.js';
import type { World } from '../../src/ports.js';
import { testEnvironment } from '../adapters/git/repo.js';

export interface TestWorld extends World {
  readonly out: string[];
  readonly err: string[];
}

export function makeWorld(directory: string, environment: Record<string, string> = {}): TestWorld {
  const env = testEnvironment(directory);
  const out: string[] = [];
  const err: string[] = [];
  const parts: Partial<World> = {
    directory,
    version: '0.1.0',
    who: 'alice@laptop',
    openGit: (dir) => openGit(dir, env),
    signer: createSigner({ env: { ...env, ...environment }, interactive: false }),
    files: {
      async read(path, max) {
        try {
          const bytes = readFileSync(path);
          if (bytes.length > max) throw new Error('too large');
          return bytes;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
          throw error;
        }
      },
      async write(path, bytes) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, bytes);
      },
    } as World['files'],
    clock: { now: () => Date.UTC(2026, 10, 24) } as World['clock'],
    environment: {
      get: (name: string) => ({ HOME: directory, ...environment })[name],
      secret: () => undefined,
      admit: () => undefined,
    },
    terminal: {
      interactive: false,
      colour: false,
      errColour: false,
      out: (text: string) => void out.push(text),
      document: (bytes: Uint8Array) => void out.push(new TextDecoder().decode(bytes)),
      err: (text: string) => void err.push(text),
      stream: () => {
        throw new Error('nothing streams here');
      },
      ask: async () => null,
      progress: () => undefined,
    },
  };
  return new Proxy({ ...parts, out, err } as TestWorld, {
    get(target, name) {
      if (name in target) return target[name as keyof TestWorld];
      throw new Error(`the world's ${String(name)} was not expected to be used`);
    },
  });
}
