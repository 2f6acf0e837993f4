/** Who may approve (G-4): `approvers` against the people of allowed_signers, and their names for a reader. */
import type { Platform } from '../manifest/model.js';
import { lineInvalid, type Signer } from './allowed-signers.js';
import type { ApprovalFacts } from './approval.js';
import { NAMESPACE } from './signature-file.js';

/** `bob` of `bob@example.net`. */
export function localPart(address: string): string {
  return address.slice(0, address.lastIndexOf('@'));
}

/**
 * Whether a person is meant by `approvers`: by an address, or by its local part where no other person has the same.
 * @param approvers null: everybody is
 */
export function isApprover(person: Signer, approvers: readonly string[] | null, all: readonly Signer[]): boolean {
  if (approvers === null) return true;
  return approvers.some((entry) => {
    const wanted = entry.trim().toLowerCase();
    if (wanted.includes('@')) return person.addresses.includes(wanted);
    const meant = all.filter((other) => other.addresses.some((address) => localPart(address) === wanted));
    return meant.length === 1 && meant[0] === person;
  });
}

/** First addresses of those whose signature would count now; authors only where they may. */
export function eligible(platform: Platform, facts: ApprovalFacts, self: boolean): string[] {
  const wrote = new Set((facts.authors ?? []).map((author) => author.email.trim().toLowerCase()));
  return facts.signers
    .filter((person) => isApprover(person, platform.approval.approvers, facts.signers))
    .filter((person) => person.lines.some((line) => lineInvalid(line, NAMESPACE, facts.now) === null))
    .filter(
      (person) => self || platform.approval.allowAuthor || !person.addresses.some((address) => wrote.has(address)),
    )
    .map((person) => person.addresses[0] ?? '')
    .sort();
}

/** `a, b or c`, at most `max` of them. */
export function list(names: readonly string[], max: number, word: 'or' | 'and' = 'or'): string {
  if (names.length > max) return `${names.slice(0, max).join(', ')} ${word} ${names.length - max} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} ${word} ${names.at(-1)}`;
}
