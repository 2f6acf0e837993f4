import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createTerminal } from '../../../src/adapters/terminal/terminal.js';
import { createRedactor } from '../../../src/secret/redactor.js';
import { Secret } from '../../../src/secret/secret.js';
import { finish } from '../../lab/process.js';

function world(
  options: { tty?: boolean | [boolean, boolean, boolean]; env?: Record<string, string>; noColor?: boolean } = {},
) {
  const tty = options.tty ?? false;
  const [inTty, outTty, errTty] = Array.isArray(tty) ? tty : [tty, tty, tty];
  const stdin = Object.assign(new PassThrough(), { isTTY: inTty }) as unknown as NodeJS.ReadStream & PassThrough;
  const written = { out: '', err: '' };
  const sink = (name: 'out' | 'err', isTTY: boolean) =>
    ({
      isTTY,
      write: (text: string) => {
        written[name] += text;
        return true;
      },
    }) as unknown as NodeJS.WriteStream;
  const redactor = createRedactor({ secrets: [new Secret('hunter2hunter2', 'test')] });
  const terminal = createTerminal({
    redactor,
    stdin,
    stdout: sink('out', outTty),
    stderr: sink('err', errTty),
    env: options.env ?? {},
    noColor: options.noColor ?? false,
  });
  return { terminal, written, stdin };
}

describe('O-1 everything that leaves is redacted', () => {
  it('data, messages, questions', async () => {
    const { terminal, written, stdin } = world({ tty: true });
    terminal.out('{"why":"hunter2hunter2 \\" password=x"}\n');
    terminal.err('error: hunter2hunter2\n');
    const answer = terminal.ask('really hunter2hunter2? ');
    stdin.write('yes\n');
    expect(await answer).toBe('yes');
    expect(JSON.parse(written.out)).toEqual({ why: '*** " password=***' });
    expect(written.err).toBe('error: ***\nreally ***? ');
  });
});

describe('what comes in pieces', () => {
  const SECRET = 'hunter2hunter2';
  const log = Buffer.from(`a \x1b[2J ${SECRET}\nb ${SECRET} ::x\n::y\n`);
  function reader(options: { slowMs?: number; gone?: boolean } = {}) {
    const { terminal, stdout } = piped();
    const seen: Buffer[] = [];
    if (options.gone) stdout.destroy();
    else if (!options.slowMs) stdout.on('data', (bytes: Buffer) => seen.push(bytes));
    return { terminal, stdout, seen: () => Buffer.concat(seen).toString() };
  }
  function piped() {
    const stdout = new PassThrough({ highWaterMark: 1024 });
    const terminal = createTerminal({
      redactor: createRedactor({ secrets: [new Secret(SECRET, 'test')] }),
      stdin: new PassThrough() as unknown as NodeJS.ReadStream,
      stdout: stdout as unknown as NodeJS.WriteStream,
      stderr: new PassThrough() as unknown as NodeJS.WriteStream,
      env: {},
      noColor: true,
    });
    return { terminal, stdout };
  }

  it('O-4, O-5 is redacted and made visible, wherever it is cut', async () => {
    for (let at = 0; at <= log.length; at += 1) {
      const { terminal, seen } = reader();
      const stream = terminal.stream(false);
      expect(await stream.write(log.subarray(0, at))).toBe(true);
      expect(await stream.write(log.subarray(at))).toBe(true);
      await stream.end();
      expect(seen()).toBe('a \\x1b[2J ***\nb *** ::x\n: :y\n');
    }
  });

  it('--raw: control characters as they came, secrets never', async () => {
    const { terminal, seen } = reader();
    const stream = terminal.stream(true);
    await stream.write(Buffer.concat([log, Buffer.from([0xff, 0xfe])]));
    await stream.end();
    expect(seen()).toContain('a \x1b[2J ***\nb *** ::x\n::y\n');
  });

  it('waits for a slow reader, and stops for one that went away', async () => {
    const { terminal, stdout } = reader({ slowMs: 1 });
    const stream = terminal.stream(true);
    let taken = false;
    const writing = stream.write(Buffer.alloc(100_000, 'x\n')).then(() => {
      taken = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken).toBe(false);
    stdout.resume();
    await writing;
    const gone = reader({ gone: true });
    expect(await gone.terminal.stream(false).write(log)).toBe(false);
  });
});

describe('C-3 colour', () => {
  it.each([
    ['a terminal', { tty: true }, true],
    ['no terminal', {}, false],
    ['stdout is a pipe', { tty: [true, false, true] as [boolean, boolean, boolean] }, false],
    ['NO_COLOR', { tty: true, env: { NO_COLOR: '1' } }, false],
    ['NO_COLOR, empty, says nothing', { tty: true, env: { NO_COLOR: '' } }, true],
    ['--no-color', { tty: true, noColor: true }, false],
    ['TERM=dumb', { tty: true, env: { TERM: 'dumb' } }, false],
    ['CI', { tty: true, env: { CI: 'true' } }, false],
  ])('%s', (_, options, colour) => {
    expect(world(options).terminal.colour).toBe(colour);
  });

  it.each([
    ['stdout is a pipe', { tty: [true, false, true] as [boolean, boolean, boolean] }, true],
    ['stderr is a file', { tty: [true, true, false] as [boolean, boolean, boolean] }, false],
    ['NO_COLOR', { tty: true, env: { NO_COLOR: '1' } }, false],
    ['CI', { tty: true, env: { CI: 'true' } }, false],
  ])('of errors: %s', (_, options, colour) => {
    expect(world(options).terminal.errColour).toBe(colour);
  });
});

describe('C-4 questions', () => {
  it.each([
    ['no terminal', {}],
    ['stdin is a pipe', { tty: [false, true, true] as [boolean, boolean, boolean] }],
    ['CI with a terminal', { tty: true, env: { CI: '1' } }],
  ])('%s: never asked', async (_, options) => {
    const { terminal, written, stdin } = world(options);
    stdin.write('yes\n');
    expect(await terminal.ask('sure? ')).toBeNull();
    expect(written.err).toBe('');
  });

  it('the end of the input is no answer', async () => {
    const { terminal, stdin } = world({ tty: true });
    const answer = terminal.ask('sure? ');
    stdin.end();
    expect(await answer).toBeNull();
  });
});

it('C-3 a spinner turns only where a person watches', async () => {
  const { terminal, written } = world();
  terminal.progress('pulling');
  terminal.progress(null);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(written).toEqual({ out: '', err: '' });
});

describe('C-3 progress', () => {
  // In a process of its own: what fails here never returns.
  const turns = (columns: number) => `
    import { createRedactor } from './src/secret/redactor.ts';
    import { createTerminal } from './src/adapters/terminal/terminal.ts';
    const done = () => true;
    const sink = { isTTY: true, columns: ${columns}, write: (text) => process.stderr.write(text), cursorTo: done, clearLine: done, moveCursor: done };
    const terminal = createTerminal({
      redactor: createRedactor(), stdin: { isTTY: true }, stdout: sink, stderr: sink, env: {}, noColor: true,
    });
    (async () => {
      terminal.progress('connecting');
      await new Promise((resolve) => setTimeout(resolve, 600));
      terminal.progress('still connecting');
      await new Promise((resolve) => setTimeout(resolve, 200));
      terminal.err('done\\n');
    })();`;

  it.each([
    ['a terminal of 80 columns', 80, true],
    ['a terminal without a size', 0, false],
  ])('%s', async (_, columns, spins) => {
    const { exit, stderr } = await finish('node_modules/.bin/tsx', ['--input-type=module', '-e', turns(columns)], {
      timeoutMs: 25_000,
    });
    expect(exit).toBe(0);
    expect(stderr.includes('still connecting')).toBe(spins);
    expect(stderr.endsWith('done\n')).toBe(true);
  });
});
