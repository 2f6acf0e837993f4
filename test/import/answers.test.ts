/** A host that answers import with anything: a clear error (7), or values of the form that was asked for. */
import { describe, expect, it } from 'vitest';
import { composeContainers, remoteFiles } from '../../src/execute/import.js';
import type { Host } from '../../src/ports.js';
import { failure } from '../adapters/ssh/parts.js';

function host(...answers: string[]): Host & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    name: 'box',
    run: async (_program: unknown, input: Uint8Array) => {
      asked.push(new TextDecoder().decode(input));
      return { stdout: new TextEncoder().encode(answers.shift() ?? ''), stderr: new Uint8Array(), code: 0 };
    },
  } as never;
}
const row = (over: Record<number, unknown> = {}): string =>
  JSON.stringify(Object.assign(['a'.repeat(64), 'web', 'web', '/r/c', '/r', null, 'running', 0, 'x:1'], over));
const containers = (...lines: string[]) => `root /r\n${lines.map((line) => `${line}\n`).join('')}.\ndone\n`;
const files = (...lines: string[]) => `root /r\n${lines.map((line) => `${line}\n`).join('')}done\n`;

describe('containers', () => {
  it('as they were told, a label that is not there as nothing', async () => {
    expect(await composeContainers(host(containers(row())), '/r')).toEqual({
      realRoot: '/r',
      containers: [
        {
          id: 'a'.repeat(64),
          project: 'web',
          service: 'web',
          configFiles: '/r/c',
          workingDir: '/r',
          environmentFile: '',
          state: 'running',
          exitCode: 0,
          image: 'x:1',
        },
      ],
    });
  });

  it.each([
    ['nothing', ''],
    ['no end', `root /r\n${row()}\n.\n`],
    ['no end of the list', `root /r\n${row()}\ndone\n`],
    ['a greeting of a shell', `Welcome!\n${containers(row())}`],
    ['no JSON', containers('{')],
    ['another form', containers('{"Id":"x"}')],
    ['an id that is none', containers(row({ 0: '../x' }))],
    ['a number for a name', containers(row({ 1: 7 }))],
    ['a label without an end', containers(row({ 3: 'x'.repeat(20_000) }))],
    ['no exit code', containers(row({ 7: '0' }))],
    ['more than anybody has', containers(...Array(5_001).fill(row()))],
  ])('%s: PCTL-HOST-ANSWER (7)', async (_, answer) => {
    expect(await failure(composeContainers(host(answer), '/r'))).toMatchObject({ code: 'PCTL-HOST-ANSWER', exit: 7 });
  });

  it('remote_root is not there: 7, and what it should be', async () => {
    expect(await failure(composeContainers(host('root -\n'), '/r'))).toMatchObject({ code: 'PCTL-HOST-ROOT', exit: 7 });
  });
});

describe('files', () => {
  const one = (line: string, read = true) => remoteFiles(host(files(line)), '/r', [{ path: 'x', read }]);

  it('their kind, and bytes of those that were asked for', async () => {
    expect((await one('file 644 2 aGk=')).get('x')).toEqual({
      kind: 'file',
      mode: '644',
      size: 2,
      bytes: Buffer.from('hi'),
    });
    expect((await one('file 644 0 ')).get('x')).toMatchObject({ kind: 'file', bytes: Buffer.alloc(0) });
    expect((await one('file 644 2', false)).get('x')).toMatchObject({ kind: 'file', bytes: null });
    expect((await one('file 644 2 aGk=', false)).get('x')).toMatchObject({ kind: 'file', bytes: null });
    expect((await one('private 600 2')).get('x')).toEqual({ kind: 'private', mode: '600', size: 2 });
    expect((await one('symlink - -')).get('x')).toEqual({ kind: 'symlink' });
  });

  it('one that grew while it was read is too large, whatever was said of it', async () => {
    const grown = Buffer.alloc(1024 * 1024, 1).toString('base64');
    expect((await one(`file 644 2 ${grown}`)).get('x')).toEqual({ kind: 'large', mode: '644', size: 1024 * 1024 });
  });

  it.each([
    '',
    'file',
    'file 644 2',
    'file 999 2 aGk=',
    'file 644 99999999 aGk=',
    'file 644 2 a$k=',
    'folder 644 2',
    'nothing - -',
  ])('%j: PCTL-HOST-ANSWER (7)', async (line) => {
    expect(await failure(one(line))).toMatchObject({ code: 'PCTL-HOST-ANSWER', exit: 7 });
  });

  it('fewer or more answers than questions: 7', async () => {
    for (const answer of [files(), files('absent - -', 'absent - -')])
      expect(await failure(remoteFiles(host(answer), '/r', [{ path: 'x', read: true }]))).toMatchObject({ exit: 7 });
  });

  it('forty a round trip', async () => {
    const answer = files(...Array(40).fill('absent - -'));
    const asked = host(answer, answer, files('absent - -'));
    const questions = Array.from({ length: 81 }, (_, n) => ({ path: `f${n}`, read: n % 2 === 0 }));
    expect((await remoteFiles(asked, '/r', questions)).size).toBe(81);
    expect(asked.asked).toHaveLength(3);
    expect(asked.asked[2]).toBe('read f80\n');
  });
});
