import { describe, expect, it } from 'vitest';
import { composeSaid } from '../../src/execute/compose-said.js';

describe('M-8 what compose quotes of an env file that it cannot read is never shown', () => {
  // Seen with 2.26 and 2.40.
  it.each([
    ['failed to read /opt/a/.env: line 2: unterminated quoted value "s3cret\nB=s3cret\n', '/opt/a/.env, line 2'],
    ['failed to read /opt/a/.env: line 1: unexpected character "\\"" in variable name "\\"B\\"=s3cret"\n', 'line 1'],
    ['failed to read /opt/a/.env: Invalid template: "${s3cret"\n', '/opt/a/.env'],
    ['failed to read /opt/a/app.env: required variable s3cret is missing a value: no s3cret\n', '/opt/a/app.env'],
    ['time="2026-11-27T00:44:45Z" level=warning msg="x"\nfailed to read /opt/a b/.env: line 9: s3cret', 'line 9'],
  ])('%j', (stderr, place) => {
    const said = composeSaid(stderr);
    expect(said).not.toContain('s3cret');
    expect(said).toContain(place);
  });

  it('nor where the beginning may be lost', () => {
    expect(composeSaid(`${'s3cret\n'.repeat(2000)}`.slice(-8192))).not.toContain('s3cret');
  });

  it('anything else is what it is', () => {
    expect(composeSaid('services.web.image must be a string\n')).toBe('services.web.image must be a string');
  });
});
