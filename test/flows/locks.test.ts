/** `lock list` over several hosts, of which some do not answer. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../../src/commands/lock.js';
import { PlatformError } from '../../src/errors.js';
import type { Host, HostAddress } from '../../src/ports.js';
import { makeRepo, type Repo, worldOf } from '../manifest/repo.js';
import { CONFIG } from '../manifest/samples.js';

let repo: Repo | undefined;
afterEach(() => repo?.remove());

const HELD = `held module.web {"run_id":"0193a1c2-7e02-7abc-8def-0123456789ab","who":"alice@laptop"}\n`;

/** Hosts of the sample config, and one more: `two` answers, with one lock; the others as `silent` says. */
async function list(silent: readonly string[], host?: string): Promise<{ code: number; text: string }> {
  repo = makeRepo({
    '.platform/config.yaml': CONFIG.replace('hosts:\n', 'hosts:\n  zero: { transport: local }\n'),
  });
  repo.commit();
  const { world, out } = worldOf(repo, {
    connect: async ({ name }: HostAddress): Promise<Host> => {
      if (silent.includes(name))
        throw new PlatformError({ code: 'PCTL-HOST-CONNECT', exit: 7, summary: `${name} did not answer` });
      const said = name === 'two' ? HELD : '';
      return {
        name,
        run: async () => ({
          stdout: Buffer.from(`platformctl 1\n0 ${said.length} 0\n${said}`),
          stderr: new Uint8Array(),
          code: 0,
        }),
        close: async () => undefined,
      } as unknown as Host;
    },
  });
  const flags = host === undefined ? { json: true } : { json: true, host };
  return { code: await run(world, [], flags), text: out.join('') };
}

const schema = JSON.parse(readFileSync('schemas/lock-output.schema.json', 'utf8'));

describe('lock list', () => {
  it('P-9 a host that does not answer hides no lock of the others; its error decides the exit', async () => {
    const { code, text } = await list(['zero', 'one']);
    const document = JSON.parse(text);
    expect(new Ajv2020({ strict: false }).validate(schema, document)).toBe(true);
    expect(document.locks).toMatchObject([{ host: 'two', name: 'module.web', who: 'alice@laptop' }]);
    expect(document.errors).toMatchObject([
      { code: 'PCTL-HOST-CONNECT', where: { host: 'zero' } },
      { code: 'PCTL-HOST-CONNECT', where: { host: 'one' } },
    ]);
    expect([code, document.exitCode]).toEqual([7, 7]);
  });

  it('all answer: 0', async () => {
    const { code, text } = await list([]);
    expect(JSON.parse(text)).toMatchObject({ exitCode: 0, locks: [{ host: 'two' }], errors: [] });
    expect(code).toBe(0);
  });

  it('one host alone', async () => {
    expect(await list(['zero'], 'two')).toMatchObject({ code: 0 });
    await expect(list([], 'nowhere')).rejects.toMatchObject({ code: 'PCTL-GATE-HOST', exit: 4 });
  });
});
