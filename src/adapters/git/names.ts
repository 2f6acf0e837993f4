/** What may stand on a git command line (I-2): full SHAs, checked ref names, checked remote names, checked config keys. */
import { PlatformError } from '../../errors.js';
import { EXIT_TOOL_ERROR } from '../../exits.js';

const SHA = /^[0-9a-f]{40}$/;
/** A ref name by the rules of git-check-ref-format, narrowed to the characters that people use, then `~2` or `^1` at will. */
const REF = /^[A-Za-z0-9_][A-Za-z0-9_.+@/-]{0,254}$/;
const SUFFIX = /(?:[~^][0-9]{0,4}){0,8}$/;
const REMOTE = /^[A-Za-z0-9_][A-Za-z0-9_.+/-]{0,99}$/;
const KEY = /^[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9_-]+){1,3}$/;

/** 40 lower-case hex digits. */
export function isSha(value: string): boolean {
  return SHA.test(value);
}

/** @throws PlatformError PCTL-GIT-REF (2) where `value` is no full SHA */
export function checkSha(value: string): string {
  if (!isSha(value)) throw bad('a full SHA (40 hex digits) is wanted', value);
  return value;
}

/** A branch or tag name without `~` and `^`. */
export function isRefName(name: string): boolean {
  return (
    REF.test(name) &&
    !name.includes('..') &&
    !name.includes('//') &&
    !name.includes('@{') &&
    !name.endsWith('/') &&
    !name.endsWith('.') &&
    name.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'))
  );
}

/** @throws PlatformError PCTL-GIT-REF (2) */
export function checkRefName(name: string): string {
  if (!isRefName(name)) throw bad('not a ref name', name);
  return name;
}

/** A ref name or SHA, with `~N` or `^N` behind it. @throws PlatformError PCTL-GIT-REF (2) */
export function checkRev(rev: string): string {
  if (!isRefName(rev.replace(SUFFIX, ''))) throw bad('not a commit name', rev);
  return rev;
}

/** @throws PlatformError PCTL-GIT-REF (2) */
export function checkRemote(name: string): string {
  if (!REMOTE.test(name) || name.includes('..')) throw bad('not a remote name', name);
  return name;
}

/** @throws PlatformError PCTL-GIT-REF (2) */
export function checkKey(key: string): string {
  if (!KEY.test(key)) throw bad('not a config key', key);
  return key;
}

function bad(summary: string, value: string): PlatformError {
  return new PlatformError({
    code: 'PCTL-GIT-REF',
    exit: EXIT_TOOL_ERROR,
    summary: `${summary}: ${JSON.stringify(value.slice(0, 100))}`,
    hint: 'use a branch, a tag or a full SHA; letters, digits and _ . + @ / - only',
  });
}
