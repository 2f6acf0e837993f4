/** What the schema cannot say about `smoke`. */
import type { Problem } from '../errors.js';
import { at, finding, type Manifest, numberAt, type Path, textAt } from './findings.js';

/** How it is told that a service works (V-1, V-2). */
export function checkSmoke(module: Manifest): Problem[] {
  const problems: Problem[] = [];
  const path: Path = ['spec', 'smoke'];
  const timeout = numberAt(module, [...path, 'timeout_seconds']);
  const stable = numberAt(module, [...path, 'stable_seconds']);
  const job = at(module, [...path, 'exits']) !== undefined;
  // Without stable_seconds it is 30, or 10 with a healthcheck: crossCheck knows which.
  const floor = stable ?? (job ? 0 : 10);
  if ((timeout ?? 120) <= floor) {
    problems.push(
      finding(
        module,
        [...path, timeout === undefined ? 'stable_seconds' : 'timeout_seconds'],
        'PCTL-SMOKE-TIMEOUT',
        `smoke.timeout_seconds (${timeout ?? '120, the default'}) must be above stable_seconds (${floor})`,
        'it has to start, and then stay up for stable_seconds, within timeout_seconds',
      ),
    );
  }
  if (job && at(module, [...path, 'http']) !== undefined) {
    problems.push(
      finding(
        module,
        [...path, 'http'],
        'PCTL-SMOKE-JOB',
        'a job that ends (exits) cannot answer HTTP',
        'remove one of the two',
      ),
    );
  }
  const url = textAt(module, [...path, 'http', 'url']);
  const flaw = url === undefined ? null : urlFlaw(url);
  if (flaw) problems.push(finding(module, [...path, 'http', 'url'], flaw.code, flaw.message, flaw.hint));
  return problems;
}

/** V-2: link-local addresses (cloud metadata lives there) in every way of writing them; credentials do not belong into a manifest. */
function urlFlaw(text: string): { code: string; message: string; hint?: string } | null {
  // A text that is no URL at all fails the schema's pattern first.
  if (!URL.canParse(text))
    return /^https?:\/\//.test(text) ? { code: 'PCTL-SMOKE-URL', message: 'smoke.http.url is not a URL' } : null;
  const url = new URL(text);
  if (url.username || url.password)
    return {
      code: 'PCTL-SMOKE-URL',
      message: 'smoke.http.url has a user or password in it',
      hint: 'use a path that needs none',
    };
  const host = url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  const mapped = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):[0-9a-f]{1,4}$/.exec(host)?.[1];
  const linkLocal =
    /^169\.254\./.test(host) ||
    /^fe[89ab][0-9a-f]:/.test(host) ||
    (mapped !== undefined && Number.parseInt(mapped, 16) === 0xa9fe);
  return linkLocal
    ? {
        code: 'PCTL-SMOKE-LINK-LOCAL',
        message: `smoke.http.url goes to the link-local address ${host}`,
        hint: 'http://127.0.0.1:PORT/',
      }
    : null;
}
