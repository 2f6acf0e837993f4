import { describe, expect, it } from 'vitest';
import { headDocument, headsIn, newest, readHead, readHeadWords } from '../../src/record/heads.js';

const hash = (letter: string): string => letter.repeat(64);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('R-6 heads that were seen', () => {
  it('of two with one number the first stays: the other was written over it', () => {
    expect(newest([])).toBeNull();
    const seen = { seq: 4, hash: hash('a') };
    expect(newest([seen, { seq: 4, hash: hash('b') }, { seq: 3, hash: hash('c') }])).toBe(seen);
    expect(newest([seen, { seq: 5, hash: hash('b') }])).toEqual({ seq: 5, hash: hash('b') });
  });

  it('survive being written and read; what is none is none', () => {
    const head = { seq: 7, hash: hash('a') };
    expect(readHead(bytes(headDocument('nas', head)))).toEqual(head);
    expect(readHeadWords(bytes(`7 ${hash('a')}\n`))).toEqual(head);
    for (const bad of ['', 'null', '[]', '{"seq":0}', `{"seq":1.5,"hash":"${hash('a')}"}`, '{"seq":1,"hash":"x"}'])
      expect(readHead(bytes(bad))).toBeNull();
    for (const bad of ['', '7', `x ${hash('a')}`, `7 ${hash('g')}`, `1e13 ${hash('a')}`])
      expect(readHeadWords(bytes(bad))).toBeNull();
  });

  it('stand at the end of status documents, nowhere else', () => {
    const end = (seq: number): string => `...,"audit":{"seq":${seq},"hash":"${hash('a')}"}}\n`;
    expect(headsIn(end(3) + end(9)).map(({ seq }) => seq)).toEqual([3, 9]);
    expect(headsIn(`{"x":{"audit":{"seq":5,"hash":"${hash('a')}"}},"y":1}\n`)).toEqual([]);
  });
});
