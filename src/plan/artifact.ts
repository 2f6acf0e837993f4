/** A plan as a file (P-2): its bytes, its digests, and the checks before anybody trusts one. */
import { createHash } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import canonicalize from 'canonicalize';
import { PlatformError } from '../errors.js';
import { EXIT_APPROVAL_MISMATCH, EXIT_INVALID } from '../exits.js';
import { planSchema } from '../manifest/schemas.js';
import type { Plan } from '../manifest/types.js';

/** Larger plan files are refused unread. */
export const PLAN_MAX_BYTES = 16 * 1024 * 1024;
const MAJOR = '1';

/** RFC 8785 text of a JSON value. */
export function canonical(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256 over the canonical plan without what differs between two makings of the same plan. */
export function planDigest(plan: Omit<Plan, 'digest'>): string {
  const { digest: _, created_at: __, platformctl_version: ___, ...rest } = plan as Plan;
  return sha256(canonical(rest));
}

/** What a forge's reviewers agree to (F-6): the change, without commit, serial and container ids. */
export function changeDigest(plan: Omit<Plan, 'digest' | 'change_digest'>): string {
  const { module, host, manifest_digest, files, image, resolved, changes, destructive, also_affected, exceptions } =
    plan;
  return sha256(
    canonical({
      module,
      host,
      manifest_digest,
      files,
      image,
      resolved,
      changes,
      destructive,
      also_affected,
      exceptions,
    }),
  );
}

/** The plan's file: canonical bytes and one newline. */
export function planBytes(plan: Plan): Uint8Array {
  return new TextEncoder().encode(`${canonical(plan)}\n`);
}

let compiled: ReturnType<Ajv2020['compile']> | undefined;

/**
 * Reads a plan's file.
 * @throws PlatformError PCTL-PLAN-JSON, PCTL-PLAN-VERSION, PCTL-PLAN-SCHEMA (3); PCTL-PLAN-DIGEST (5) where the digest is not that of the content
 */
export function parsePlan(bytes: Uint8Array, file: string): Plan {
  const invalid = (code: string, summary: string, why?: string, hint?: string) =>
    new PlatformError({
      code,
      exit: EXIT_INVALID,
      summary,
      where: { file },
      ...(why ? { why } : {}),
      hint: hint ?? 'make it again: platformctl plan',
    });
  let data: unknown;
  try {
    data = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid('PCTL-PLAN-JSON', 'the plan file is not JSON');
  }
  const version =
    typeof data === 'object' && data !== null ? (data as { schema_version?: unknown }).schema_version : undefined;
  if (typeof version === 'string' && /^[0-9]+\.[0-9]+$/.test(version) && version.split('.')[0] !== MAJOR) {
    throw invalid(
      'PCTL-PLAN-VERSION',
      `the plan has schema version ${version}; this platformctl reads ${MAJOR}.x`,
      undefined,
      'use the platformctl that made it, or plan again',
    );
  }
  compiled ??= new Ajv2020({ allErrors: false, strict: false, validateSchema: false }).compile(planSchema);
  if (!compiled(data)) {
    const error = compiled.errors?.[0];
    throw invalid(
      'PCTL-PLAN-SCHEMA',
      'the plan file does not follow schemas/plan.schema.json',
      `${error?.instancePath || '/'} ${error?.message ?? ''}`.trim(),
    );
  }
  const plan = data as unknown as Plan;
  if (planDigest(plan) !== plan.digest || changeDigest(plan) !== plan.change_digest) {
    throw new PlatformError({
      code: 'PCTL-PLAN-DIGEST',
      exit: EXIT_APPROVAL_MISMATCH,
      summary: 'the plan is not what its digest says: it was edited or damaged',
      where: { file },
      hint: 'plan again; nobody approved this content',
    });
  }
  if (Buffer.compare(planBytes(plan), bytes) !== 0) {
    throw new PlatformError({
      code: 'PCTL-PLAN-DIGEST',
      exit: EXIT_APPROVAL_MISMATCH,
      summary: 'the plan file is not in its canonical form: it was edited or re-formatted',
      where: { file },
      hint: 'plan again; a plan is approved byte for byte',
    });
  }
  return plan;
}
