/** C-8 over the real command tree and a checkout in memory. */
import { describe, expect, it } from 'vitest';
import { complete } from '../../src/flows/complete.js';
import { buildProgram } from '../../src/program.js';
import { processorTime } from '../processor.js';
import { commandTable } from '../tools/command-table.mjs';

const table = commandTable(buildProgram(async () => {}));
const RUN = '0193a1c2-1b2c-7d3e-8f40-123456789abc';
const OLDER = '0193a1c1-1b2c-7d3e-8f40-123456789abc';
const line = (run: string, module: string, outcome: string): string =>
  `{"seq":1,"run_id":"${run}","who":"a","module":"${module}","event":"apply","outcome":"${outcome}","hash":"x"}\n`;

const CHECKOUT: Readonly<Record<string, string>> = {
  '/repo/.platform/config.yaml':
    'hosts:\n  rs2000: { transport: ssh }\n  nas.example:\n    transport: ssh\n  "$(reboot)": {}\n',
  '/repo/.platform/state/audit.jsonl':
    line(OLDER, 'web', 'applied') + line(RUN, 'immich-server', 'rolled_back') + line('$(reboot)', 'x', 'y'),
  '/repo/modules/web/module.yaml': 'kind: Module\n',
  '/repo/modules/immich/stack.yaml':
    'kind: Stack\nspec:\n  services:\n    server: {}\n    db: { id: photos-data }\n    "$(reboot)": {}\n',
  '/repo/modules/$(reboot)/module.yaml': '',
  '/repo/deep/er/file': '',
  '/other/.platform/config.yaml': 'hosts: { elsewhere: {transport: local} }\n',
};
const files = {
  read: async (path: string) => (CHECKOUT[path] === undefined ? null : new TextEncoder().encode(CHECKOUT[path])),
  list: async (path: string) => [
    ...new Set(
      Object.keys(CHECKOUT)
        .filter((name) => name.startsWith(`${path}/`))
        .map((name) => name.slice(path.length + 1).split('/')[0] as string),
    ),
  ],
};

async function at(text: string, directory = '/repo') {
  const { candidates, also } = await complete(table, text.split(' '), files, directory);
  return { values: candidates.map(({ value }) => value), also, candidates };
}

describe('C-8', () => {
  it('commands, and commands of commands', async () => {
    const commands = (await at('')).values;
    expect(commands).toEqual(table.commands.map(({ name }) => name));
    expect(commands).toEqual(expect.arrayContaining(['plan', 'apply', 'host', 'import', 'completion']));
    expect((await at('ap')).values).toEqual(['approve', 'apply']);
    expect((await at('host ')).values).toEqual(['check', 'add']);
    expect((await at('audit v')).values).toEqual(['verify']);
    expect((await at('nothing x')).values).toEqual([]);
  });

  it('flags of the command and the global ones, each once', async () => {
    expect((await at('plan --o')).values).toEqual(['--offline', '--out', '--out-dir']);
    expect((await at('plan --offline --off')).values).toEqual([]);
    expect((await at('apply --approval a --appr')).values).toContain('--approval');
    expect((await at('status --js')).values).toEqual(['--json', '--json-lines']);
    expect((await at('status -- --js')).values).toEqual([]);
    for (const { name, args } of table.commands) {
      const { values } = await at(`${name} --`);
      expect([name, values.includes('--json'), values.includes('--help')]).toEqual([name, true, true]);
      expect(args.every(({ name }) => name !== '')).toBe(true);
    }
  });

  it('module ids, names of stacks, and the ids of their modules; nothing that a shell would run', async () => {
    const all = ['web', 'immich', 'immich-server', 'photos-data'];
    expect((await at('plan ')).values).toEqual(all);
    expect((await at('plan web im')).values).toEqual(['immich', 'immich-server']);
    expect(await at('apply ')).toMatchObject({ values: all, also: 'files' });
    expect((await at('approve web ')).values).toEqual(all);
    expect((await at('rollback w')).values).toEqual(['web']);
    expect((await at('rollback web w')).values).toEqual([]);
    expect((await at('plan ', '/repo/deep/er')).values).toEqual(all);
    expect((await at('plan ', '/nowhere')).values).toEqual([]);
    expect((await at('plan ')).candidates.find(({ value }) => value === 'immich')?.summary).toBe('a stack of 3');
  });

  it('hosts, also behind a flag, with = as one word and as bash takes it apart', async () => {
    expect((await at('host check ')).values).toEqual(['rs2000', 'nas.example']);
    expect((await at('import r')).values).toEqual(['rs2000']);
    for (const line of ['audit verify --host n', 'audit verify --host=n', 'audit verify --host = n'])
      expect((await at(line)).values).toEqual(['nas.example']);
    expect((await at('audit verify --host =')).values).toEqual(['rs2000', 'nas.example']);
    expect((await at('-C /other host check ')).values).toEqual(['elsewhere']);
    expect((await at('host add ')).values).toEqual([]);
  });

  it('run ids, the newest first, and what they were', async () => {
    const { values, candidates } = await at('logs 0');
    expect(values).toEqual([RUN, OLDER]);
    expect(candidates[0]?.summary).toBe('immich-server rolled_back');
    expect((await at('logs ')).values).toEqual(['web', 'immich', 'immich-server', 'photos-data', RUN, OLDER]);
  });

  it('files, folders, choices, topics', async () => {
    expect(await at('plan --out ')).toMatchObject({ values: [], also: 'files' });
    expect(await at('plan --out-dir x')).toMatchObject({ values: [], also: 'folders' });
    expect(await at('-C ')).toMatchObject({ values: [], also: 'folders' });
    expect((await at('completion ')).values).toEqual(['bash', 'zsh', 'fish']);
    expect((await at('help ex')).values).toEqual(['explain-approval', 'exit-codes']);
  });

  it('a checkout that cannot be read, or is hostile, gives nothing and takes no time', async () => {
    const broken = { read: () => Promise.reject(new Error('EIO')), list: files.list };
    expect((await complete(table, ['host', 'check', ''], broken, '/repo')).candidates).toEqual([]);
    const huge = { ...files, read: async () => new TextEncoder().encode(`hosts:\n${'  a: {\n'.repeat(100_000)}`) };
    const took = processorTime();
    await complete(table, ['host', 'check', ''], huge, '/repo');
    expect(took()).toBeLessThan(3_000);
  });
});
