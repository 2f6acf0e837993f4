export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** Files that failed without a failed test in them. */
  files: string[];
}
export function count(report: object): Counts;
export function countFile(path: string): Counts;
export function line(counts: Omit<Counts, 'files'>): string;
