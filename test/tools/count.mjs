/**
 * Counts of vitest's JSON report, and the line that a run ends with.
 *   node test/tools/count.mjs REPORT [MORE_PASSED [MORE_FAILED]]    prints it; exits 1 where something failed or nothing ran
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/**
 * A file that failed without a failed test in it (it could not be loaded, a hook threw) counts as one failure, and so does a
 * report in which nothing was executed.
 */
export function count(report) {
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + broken.length;
  return {
    passed,
    failed: passed + failed === 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
    files: broken.map((file) => file.name),
  };
}

/** The report in a file; one that is not there or not whole is a run that failed. */
export function countFile(path) {
  try {
    return count(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    return { passed: 0, failed: 1, skipped: 0, files: [`no report of the tests: ${error.message}`] };
  }
}

/** `12 passed, 0 failed`, and `, 3 skipped` where there are some. */
export const line = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [path, morePassed = '0', moreFailed = '0'] = process.argv.slice(2);
  const counts = countFile(path);
  counts.passed += Number(morePassed);
  counts.failed += Number(moreFailed);
  console.log(line(counts));
  process.exitCode = counts.failed === 0 ? 0 : 1;
}
