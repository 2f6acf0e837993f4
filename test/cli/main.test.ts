import { describe, expect, it, vi } from 'vitest';
import { EXITS } from '../../src/exits.js';
import { main } from '../../src/main.js';
import type { World } from '../../src/ports.js';
import { hearing, said } from './said.js';

hearing();

describe('C-5 help', () => {
  const commands = [
    [],
    ['init'],
    ['validate'],
    ['plan'],
    ['show'],
    ['approve'],
    ['explain-approval'],
    ['apply'],
    ['rollback'],
    ['drift'],
    ['status'],
    ['runs'],
    ['logs'],
    ['audit'],
    ['audit', 'verify'],
    ['lock', 'list'],
    ['doctor'],
    ['host', 'check'],
    ['host', 'add'],
    ['import'],
    ['config', 'view'],
    ['completion'],
    ['version'],
    ['help'],
  ];
  it.each(commands.map((path) => [path.join(' ') || 'platformctl', path] as const))('%s -h', async (name, path) => {
    expect(await main([...path, '-h'])).toBe(0);
    expect(said.err).toBe('');
    await expect(said.out).toMatchFileSnapshot(`golden/help-${name.replaceAll(' ', '-')}.txt`);
    const asked = said.out;
    said.out = '';
    if (name !== 'platformctl' && name !== 'help') {
      expect(await main(['help', ...path])).toBe(0);
      expect(said.out).toBe(asked);
    }
    if (!['platformctl', 'audit', 'version'].includes(name)) expect(asked).toContain('\nExamples:\n');
  });

  it.each(['exit-codes', 'environment'])('help %s', async (topic) => {
    expect(await main(['help', topic])).toBe(0);
    await expect(said.out).toMatchFileSnapshot(`golden/help-topic-${topic}.txt`);
  });

  it("exit-codes has every exit, says Terraform's difference first, and shows the line for scripts", async () => {
    await main(['help', 'exit-codes']);
    for (const { code, name } of EXITS) expect(said.out).toMatch(new RegExp(`^ *${code}  ${name} `, 'm'));
    expect(said.out.split('\n')[0]).toContain('-detailed-exitcode');
    expect(said.out).toContain('rc=$?; [ $rc = 9 ] || exit $rc');
  });

  it('no command prints the help', async () => {
    expect(await main([])).toBe(0);
    expect(said.out).toContain('Usage: platformctl');
  });
});

describe('wrong usage is exit 2, on stderr, with what to do', () => {
  it.each([
    [['plna'], "unknown command 'plna'", 'did you mean plan?'],
    [['plan', '--ofline'], "unknown option '--ofline'", 'did you mean --offline?'],
    [['apply'], "missing required argument 'plans'", 'platformctl apply -h'],
    [['plan', '--out'], "option '--out <file>' argument missing", 'platformctl plan -h'],
    [['audit'], 'platformctl audit needs to be told what to do', 'platformctl audit -h'],
    [['audit', 'verfy'], "unknown command 'verfy'", 'did you mean verify?'],
    [['help', 'nothing'], "there is no command or topic 'nothing'", 'platformctl -h'],
    [['validate', 'extra'], 'too many arguments', 'platformctl validate -h'],
    [['--', '--json'], "unknown command '--json'", 'platformctl -h'],
    [['rollback'], "missing required argument 'id'", 'platformctl rollback -h'],
    [['serve', 'web'], "unknown command 'serve'", 'platformctl -h'],
  ])('C-2 %j', async (argv, summary, hint) => {
    expect(await main(argv)).toBe(2);
    expect(said.out).toBe('');
    expect(said.err).toContain(`error: ${summary}`);
    expect(said.err).toContain('PCTL-USAGE');
    expect(said.err).toContain(hint);
    expect(said.err).toMatch(/\(exit 2\)\n$/);
  });

  it('C-1 with --json it is a document on stdout', async () => {
    expect(await main(['plan', '--bad', '--json'])).toBe(2);
    expect(JSON.parse(said.out)).toMatchObject({ schema_version: '1.0', exitCode: 2, error: { code: 'PCTL-USAGE' } });
    expect(said.err).toBe('');
  });

  it('C-1 with --json-lines it is one line', async () => {
    expect(await main(['plan', '--bad', '--json-lines'])).toBe(2);
    expect(said.out.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('errors', () => {
  it('no repo: 2, with -C taken', async () => {
    expect(await main(['-C', '/', 'status', '--no-color'])).toBe(2);
    expect(said.err).toContain('PCTL-NO-REPO');
  });

  it('a missing --env-file: 2', async () => {
    expect(await main(['status', '--env-file', 'not-there'])).toBe(2);
    expect(said.err).toContain('PCTL-ENV-FILE');
  });

  it('O-6 an uncaught error in any room: 2, its kind and no more', async () => {
    vi.doMock('../../src/commands/doctor.js', () => ({
      run: () => Promise.reject(Object.assign(new RangeError('Authorization: abcdef123'), { code: 'ERR_X' })),
    }));
    expect(await main(['doctor'])).toBe(2);
    expect(said.err).toContain('PCTL-INTERNAL');
    expect(said.err).toContain('RangeError ERR_X');
    expect(said.err).not.toContain('abcdef123');
    expect(said.err).not.toContain('    at ');
    said.err = '';
    expect(await main(['doctor', '--debug'])).toBe(2);
    expect(said.err).toContain('    at ');
    expect(said.err).not.toContain('abcdef123');
    vi.doUnmock('../../src/commands/doctor.js');
  });
});

describe('X-9 a plan on its way to its host is seen through', () => {
  const signalled = (): void => {
    for (const listener of process.listeners('SIGINT')) if (listener.name === 'signalled') listener('SIGINT');
  };
  /** apply with a plan begun; `run` is the rest of it. */
  async function applying(started: boolean, run: (world: World) => Promise<number>): Promise<unknown> {
    vi.doMock('../../src/commands/apply.js', () => ({
      run: (world: World) => {
        world.begun.push({ started });
        return run(world);
      },
    }));
    const exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new RangeError(`left with ${code}`);
    });
    await main(['apply', 'web']).catch(() => null);
    vi.doUnmock('../../src/commands/apply.js');
    return exit.mock.calls[0]?.[0];
  }

  it('once: its end is waited for, and nothing that is still on its way after it', async () => {
    const exit = await applying(true, async (world) => {
      signalled();
      return world.interrupted.aborted ? 130 : 2;
    });
    expect(exit).toBe(130);
    expect(said.err).toBe('');
  });

  it.each([
    [true, 'left: what was started on the host goes on, platformctl status tells its end\n'],
    [false, 'interrupted before anything was changed\n'],
  ])('twice: leaves at once, and says what it leaves; go was said: %s', async (started, words) => {
    const exit = await applying(started, async () => {
      signalled();
      expect(said.err).toBe('');
      expect(signalled).toThrow('left with 130');
      return 2;
    });
    expect(exit).toBe(130);
    expect(said.err).toBe(words);
  });
});

it.each([['--version'], ['version']])('%s', async (word) => {
  expect(await main([word])).toBe(0);
  expect(said.out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
