/** Where a node of the yaml library stands, and what it is named. */
import type { Flaw } from './yaml-scan.js';

/** A key that stands twice in one mapping. */
export const duplicate = (key: string, offset: number): Flaw => ({
  code: 'PCTL-YAML-DUPLICATE',
  offset,
  message: `the key ${key.slice(0, 80)} stands twice in the same mapping`,
  hint: 'keep one of them',
});

/** Half of a pair: an escape can write it (`"\uD800"`), and no encoding can, so it would become another text on its way. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

export const notUnicode = (offset: number): Flaw => ({
  code: 'PCTL-YAML-ENCODING',
  offset,
  message: 'half of a surrogate pair is no character, and would become another text',
  hint: 'write the character itself, or as one escape: "\\U0001F600"',
});

export function anchorOf(node: unknown): string | undefined {
  return typeof node === 'object' && node !== null ? (node as { anchor?: string }).anchor : undefined;
}

/** Characters from the start of the text; 0 where the node has no place. */
export function offsetOfNode(node: unknown): number {
  const range = typeof node === 'object' && node !== null ? (node as { range?: readonly number[] | null }).range : null;
  return range?.[0] ?? 0;
}
