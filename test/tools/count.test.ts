import { describe, expect, it } from 'vitest';
import { count, countFile, line } from './count.mjs';

const report = (passed: number, failed: number, pending: number, files: readonly object[] = []) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: pending,
  numTodoTests: 0,
  testResults: files,
});
const BROKEN = { name: 'broken.test.ts', status: 'failed', assertionResults: [] };
const RED = { name: 'red.test.ts', status: 'failed', assertionResults: [{ status: 'failed' }] };

describe('what a run ends with', () => {
  it.each([
    ['all good', report(3, 0, 0), '3 passed, 0 failed'],
    ['skipped ones are told', report(3, 0, 2), '3 passed, 0 failed, 2 skipped'],
    ['a failed test counts once, its file not again', report(3, 1, 0, [RED]), '3 passed, 1 failed'],
    ['a file that could not be loaded counts', report(3, 0, 0, [BROKEN]), '3 passed, 1 failed'],
    ['nothing executed is a failure', report(0, 0, 5), '0 passed, 1 failed, 5 skipped'],
  ])('%s', (_, given, expected) => {
    expect(line(count(given))).toBe(expected);
  });

  it('a run without a report has failed', () => {
    expect(line(countFile('/nonexistent/report.json'))).toBe('0 passed, 1 failed');
  });
});
