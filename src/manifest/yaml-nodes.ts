/** Where a node of the yaml library stands, what it is named, and which number it is. */
import type { Flaw } from './yaml-scan.js';

/** A key that stands twice in one mapping. */
export const duplicate = (key: string, offset: number): Flaw => ({
  code: 'PCTL-YAML-DUPLICATE',
  offset,
  message: `the key ${key.slice(0, 80)} stands twice in the same mapping`,
  hint: 'keep one of them',
});

/** Names through which a plain object of JavaScript could be reached; nothing legitimate is called so. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** What is wrong with the name of a key, whatever stands beside it. */
export function refusedName(name: string, offset: number): Flaw | null {
  if (!FORBIDDEN_KEYS.has(name)) return notUnicode(name, offset);
  return { code: 'PCTL-YAML-KEY', offset, message: `the key ${name} is not accepted`, hint: 'choose another name' };
}

/** Half of a surrogate pair: an escape can write it (`"\uD800"`), and no encoding can, so it would become another text on its way. */
export function notUnicode(text: string, offset: number): Flaw | null {
  if (!/\p{Surrogate}/u.test(text)) return null;
  return {
    code: 'PCTL-YAML-ENCODING',
    offset,
    message: 'half of a surrogate pair is no character, and would become another text',
    hint: 'write the character itself, or as one escape: "\\U0001F600"',
  };
}

export function anchorOf(node: unknown): string | undefined {
  return typeof node === 'object' && node !== null ? (node as { anchor?: string }).anchor : undefined;
}

/** Characters from the start of the text; 0 where the node has no place. */
export function offsetOfNode(node: unknown): number {
  const range = typeof node === 'object' && node !== null ? (node as { range?: readonly number[] | null }).range : null;
  return range?.[0] ?? 0;
}

/**
 * The number that compose takes a plain scalar for; null: none. Its reader knows YAML 1.1's `022` and `1_000`, YAML 1.2's `0o22`, Go's `0B1`, and, by an oddity of
 * its own, a sign behind `0b` and `0o`.
 */
export function numberOfYaml11(source: string): number | null {
  if (!/^([-+\d]|\.\d)/.test(source)) return null;
  const plain = source.replaceAll('_', '').replace(/^(0[bo])([-+])/, '$2$1');
  const [, sign, digits = ''] = /^([-+]?)(.*)$/s.exec(plain) ?? [];
  const number = digits.replace(/^0(?=[0-7]+$)/, '0o');
  if (!/^(0x[\da-f]+|0o[0-7]+|0b[01]+|(\.\d+|\d+(\.\d*)?)(e[-+]?\d+)?)$/i.test(number)) return null;
  return sign === '-' ? -Number(number) : Number(number);
}
