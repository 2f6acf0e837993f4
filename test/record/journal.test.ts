import { describe, expect, it } from 'vitest';
import { journalEnd, journalSeconds, readJournal } from '../../src/record/journal.js';

const ROLLED_BACK = `start started 0 1000 -
intent ended 0 1000 -
files ended 0 1000 2
up started 0 1001 -
up ended 0 1004 -
verify waiting 0 1004 running:none
verify ended 1 1006 exited_3
back started 0 1006 exited_3
restore ended 0 1009 -
verify again 0 1012 -
end rolled_back 11 1012 exited_3
`;

describe('X-5 the journal of a run', () => {
  it('every line, how it ended, how long it took', () => {
    const journal = readJournal(ROLLED_BACK);
    expect(journal).toHaveLength(11);
    expect(journal[5]).toEqual({ step: 'verify', state: 'waiting', exit: 0, at: 1004, detail: 'running:none' });
    expect(journalEnd(journal)).toEqual({ outcome: 'rolled_back', exit: 11, why: 'exited_3' });
    expect(journalSeconds(journal)).toBe(12);
  });

  it('R-4 whatever its last write was cut to, it never says what the whole line did not', () => {
    const whole = readJournal(ROLLED_BACK);
    for (let length = 0; length < ROLLED_BACK.length; length += 1) {
      const journal = readJournal(ROLLED_BACK.slice(0, length));
      expect(journal).toEqual(whole.slice(0, journal.length));
      expect(journalEnd(journal)).toBeNull();
    }
  });

  it('a word and an exit that do not belong together are no end', () => {
    for (const end of ['applied 11', 'rolled_back 9', 'applied 0', 'applied 15', 'healthy 9', 'unknown 15'])
      expect(journalEnd(readJournal(`start started 0 1 -\nend ${end} 2 healthy\n`))).toBeNull();
    const ended = (end: string) => journalEnd(readJournal(`start started 0 1 -\n${end}\n`));
    expect(ended('end applied 9 2 healthy')?.exit).toBe(9);
    expect(ended('end removed 9 2 none')?.outcome).toBe('removed');
    expect(ended('end stale 8 2 -')).toBeNull();
  });

  it('X-1 a run that ended before `go` has its end alone, and changed nothing whatever it says', () => {
    const alone = (end: string) => journalEnd(readJournal(`end ${end}\n`));
    expect(alone('stale 8 100 PCTL-PLAN-SPENT')).toEqual({ outcome: 'stale', exit: 8, why: 'PCTL-PLAN-SPENT' });
    expect(alone('refused 5 100 PCTL-APPROVAL-NONE')?.outcome).toBe('refused');
    expect(alone('remote_failed 7 100 -')?.exit).toBe(7);
    for (const end of ['applied 9 1 -', 'rolled_back 11 1 -', 'unknown 15 1 -']) expect(alone(end)).toBeNull();
  });

  it('O-5 what is no line of a journal is passed over', () => {
    expect(readJournal('\n\x1b[2J\nup ended 0\nup ended 0 1 - -\nUP ended 0 1 -\nup ended 9999 1 -\n')).toEqual([]);
    expect(readJournal('')).toEqual([]);
  });

  it('a host that was restarted in between tells no duration', () => {
    expect(journalSeconds(readJournal('start started 0 90000 -\nend applied 9 12 healthy\n'))).toBeNull();
    expect(journalSeconds(readJournal('start started 0 90000 -\n'))).toBeNull();
    expect(journalSeconds([])).toBeNull();
  });
});
