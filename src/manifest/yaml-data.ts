/** YAML nodes as plain data with null prototypes: what the parser's own conversion does, but with bounds and with duplicate and hostile keys refused (M-3). */
import { type Alias, isAlias, isMap, isPair, isScalar, isSeq, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import { anchorOf, duplicate, notUnicode, numberOfYaml11, offsetOfNode, refusedName } from './yaml-nodes.js';
import type { Flaw } from './yaml-scan.js';

/** Values that a file may stand for once its aliases are followed. */
const MAX_VALUES = 100_000;
/** Long text weighs more than one value: somebody will read it as often as it stands there. */
const weightOf = (text: string): number => 1 + (text.length >> 7);
/** More problems of one file are not collected. */
const MAX_FLAWS = 100;

interface Converted {
  readonly value: unknown;
  /** How many values it stands for, aliases followed. */
  readonly weight: number;
}

export interface Conversion {
  readonly data: unknown;
  readonly flaws: readonly Flaw[];
  /** The offset of a path's key (or sequence item); of the nearest ancestor where there is none. */
  readonly offsetOf: (path: readonly (string | number)[]) => number;
}

/** Converts a document's contents. Aliased values are shared by reference: nobody below may change them. */
export function convert(contents: unknown, yaml11: boolean): Conversion {
  const converter = new Converter(yaml11);
  const { value } = converter.node(contents);
  return { data: value, flaws: converter.flaws, offsetOf: (path) => converter.offsetOf(contents, path) };
}

class Converter {
  readonly flaws: Flaw[] = [];
  private readonly anchors = new Map<string, { node: unknown; done: Converted | null }>();
  private readonly targets = new Map<Alias, unknown>();
  private readonly pairs = new Map<YAMLMap, Map<string, { offset: number; value: unknown }>>();
  private total = 0;

  constructor(private readonly yaml11: boolean) {}

  node(node: unknown): Converted {
    if (isAlias(node)) return this.alias(node);
    const anchor = anchorOf(node);
    const slot = { node, done: null as Converted | null };
    if (anchor !== undefined) this.anchors.set(anchor, slot);
    const made = this.bare(node);
    slot.done = made;
    return made;
  }

  private bare(node: unknown): Converted {
    const value = isScalar(node) ? this.scalar(node) : null;
    const weight = typeof value === 'string' ? weightOf(value) : 1;
    this.count(weight, offsetOfNode(node));
    if (isMap(node)) return this.map(node);
    if (isSeq(node)) return this.seq(node);
    return { value, weight };
  }

  private count(weight: number, offset: number): boolean {
    const before = this.total;
    this.total += weight;
    if (this.total <= MAX_VALUES) return true;
    if (before <= MAX_VALUES) {
      this.flaw({
        code: 'PCTL-YAML-ALIASES',
        offset,
        message: `the file stands for more than ${MAX_VALUES} values`,
        hint: 'use fewer aliases',
      });
    }
    return false;
  }

  private alias(node: Alias): Converted {
    const offset = offsetOfNode(node);
    const slot = this.anchors.get(node.source);
    const nothing = { value: null, weight: 1 };
    if (!slot) {
      this.flaw({
        code: 'PCTL-YAML-ALIAS',
        offset,
        message: `the alias *${node.source.slice(0, 40)} has no anchor before it`,
      });
      return nothing;
    }
    if (!slot.done) {
      this.flaw({
        code: 'PCTL-YAML-ALIAS',
        offset,
        message: `the alias *${node.source.slice(0, 40)} is inside its own anchor`,
      });
      return nothing;
    }
    this.targets.set(node, slot.node);
    return this.count(slot.done.weight, offset) ? slot.done : nothing;
  }

  private seq(node: YAMLSeq): Converted {
    const value: unknown[] = [];
    let weight = 1;
    for (const item of node.items) {
      // `[a: b]` is a pair in a sequence: a mapping of one key.
      const made = isPair(item) ? this.pairs1(item, node) : this.node(item);
      value.push(made.value);
      weight += made.weight;
    }
    return { value, weight };
  }

  private pairs1(pair: { key: unknown }, node: YAMLSeq): Converted {
    this.flaw({
      code: 'PCTL-YAML-SYNTAX',
      offset: offsetOfNode(pair.key) || offsetOfNode(node),
      message: 'a key and value stand in a list without braces',
      hint: 'write { key: value }',
    });
    return { value: null, weight: 1 };
  }

  private map(node: YAMLMap): Converted {
    const value: Record<string, unknown> = Object.create(null);
    const places = new Map<string, { offset: number; value: unknown }>();
    this.pairs.set(node, places);
    const inherited: { offset: number; made: unknown; node: unknown }[] = [];
    let weight = 1;
    for (const pair of node.items) {
      const key = this.key(pair.key, offsetOfNode(node));
      const made = this.node(pair.value);
      weight += made.weight + (key === null ? 1 : weightOf(key.name));
      if (key === null) continue;
      if (key.name === '<<') {
        inherited.push({ offset: key.offset, made: made.value, node: pair.value });
        if (inherited.length > 1) this.flaw(duplicate('<<', key.offset));
        continue;
      }
      if (places.has(key.name)) this.flaw(duplicate(key.name, key.offset));
      places.set(key.name, { offset: key.offset, value: pair.value });
      value[key.name] = made.value;
    }
    for (const from of inherited) this.inherit(value, places, from);
    return { value, weight };
  }

  /** YAML 1.1's merge key: what is written in the mapping itself wins, then the earlier of several sources. */
  private inherit(
    value: Record<string, unknown>,
    places: Map<string, { offset: number; value: unknown }>,
    from: { offset: number; made: unknown; node: unknown },
  ): void {
    const sources = Array.isArray(from.made) ? from.made : [from.made];
    for (const source of sources) {
      if (typeof source !== 'object' || source === null || Array.isArray(source)) {
        this.flaw({
          code: 'PCTL-YAML-MERGE',
          offset: from.offset,
          message: 'a merge key (<<) takes a mapping or a list of mappings',
        });
        return;
      }
      const entries = Object.entries(source);
      if (!this.count(entries.length, from.offset)) return;
      for (const [name, inner] of entries) {
        if (places.has(name)) continue;
        // What came by a merge has the place of the merge: that is where this mapping gets it.
        places.set(name, { offset: from.offset, value: null });
        value[name] = inner;
      }
    }
  }

  private key(node: unknown, fallback: number): { name: string; offset: number } | null {
    const offset = offsetOfNode(node) || fallback;
    if (isAlias(node) || !isScalar(node) || node.value === null) {
      this.flaw({
        code: 'PCTL-YAML-KEY',
        offset,
        message: 'a key must be plain text',
        hint: 'write it as a word or in quotes',
      });
      return null;
    }
    const anchor = anchorOf(node);
    if (anchor !== undefined) {
      this.flaw({ code: 'PCTL-YAML-KEY', offset, message: 'a key cannot have an anchor' });
      return null;
    }
    const name = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
    const refused = refusedName(name, offset);
    if (refused) {
      this.flaw(refused);
      return null;
    }
    if (name === '<<' && !(this.yaml11 && node.type === 'PLAIN')) {
      this.flaw({
        code: 'PCTL-YAML-MERGE',
        offset,
        message: 'merge keys (<<) are not YAML 1.2',
        hint: 'write the keys out',
      });
      return null;
    }
    return { name, offset };
  }

  private scalar(node: Scalar): unknown {
    const value = (this.yaml11 && node.type === 'PLAIN' ? numberOfYaml11(node.source ?? '') : null) ?? node.value;
    const refused = typeof value === 'string' && notUnicode(value, offsetOfNode(node));
    if (refused) this.flaw(refused);
    if (typeof value !== 'number') return value;
    if (!Number.isFinite(value)) {
      this.flaw({
        code: 'PCTL-YAML-NUMBER',
        offset: offsetOfNode(node),
        message: 'infinity and NaN are not accepted',
        hint: 'quote it if it is text',
      });
      return null;
    }
    // Beyond 2^53 a number would silently become another one: its digits are kept as text.
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? (node.source ?? String(value)) : value;
  }

  private flaw(flaw: Flaw): void {
    if (this.flaws.length < MAX_FLAWS) this.flaws.push(flaw);
  }

  offsetOf(contents: unknown, path: readonly (string | number)[]): number {
    let node = contents;
    let offset = offsetOfNode(contents);
    for (const step of path) {
      for (let hops = 0; isAlias(node) && hops < MAX_VALUES; hops++) node = this.targets.get(node);
      if (isMap(node)) {
        const found = this.pairs.get(node)?.get(String(step));
        if (!found) break;
        offset = found.offset;
        node = found.value;
      } else if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
        node = node.items[step];
        offset = offsetOfNode(node) || offset;
      } else break;
    }
    return offset;
  }
}
