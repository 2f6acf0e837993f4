/**
 * The one filter at the exit (O-1 to O-4, O-6): a byte stream in, the same with every secret as `***` out. Nothing else in the program thinks about redaction.
 *
 * It works line by line, since no pattern crosses a line end; only forms of several lines and private keys do, and both are followed across. Of a line that never
 * ends it looks at windows of fixed length that overlap by more than the longest form. So what comes out depends on the bytes alone, never on how they were cut into
 * chunks, and memory is bounded.
 */
import { createKnown, type Known } from './known.js';
import { MASK, PEM_BEGIN, PEM_END, PEM_END_MAX, PEM_MAX, patternRanges, type Range } from './patterns.js';
import type { Secret } from './secret.js';

export interface RedactorOptions {
  readonly secrets?: Iterable<Secret>;
  /** O-3; true where it is not said. */
  readonly patterns?: boolean;
  /** Told once of each secret that is too short to be masked, with its source. */
  readonly tooShort?: (source: string) => void;
}

export interface RedactorStream {
  /** Takes any bytes, gives those that are decided. */
  push(bytes: Uint8Array): Uint8Array;
  /** Gives every finished line that is held because a secret of several lines may have begun in it. Whoever feeds the stream calls it within 100 ms of the last push. */
  flush(): Uint8Array;
  /** Gives the rest. Nothing may be pushed after it. */
  end(): Uint8Array;
}

export interface Redactor {
  add(secret: Secret): void;
  /** One whole text. */
  text(text: string): string;
  stream(): RedactorStream;
}

const WINDOW = 16 * 1024;
const OVERLAP = 5 * 1024;

/** A redactor that knows `secrets` and those that are added later; its streams see additions at once. */
export function createRedactor(options: RedactorOptions = {}): Redactor {
  const known = createKnown();
  const warned = new Set<string>();
  const patterns = options.patterns ?? true;
  const add = (secret: Secret) => {
    if (known.add(secret) || secret.reveal().length === 0 || warned.has(secret.source)) return;
    warned.add(secret.source);
    options.tooShort?.(secret.source);
  };
  for (const secret of options.secrets ?? []) add(secret);
  return {
    add,
    text(text) {
      const filter = createFilter(known, patterns);
      const head = filter.push(Buffer.from(text, 'utf8'));
      return Buffer.concat([head, filter.end()]).toString('utf8');
    },
    stream: () => createFilter(known, patterns),
  };
}

/** A range that reaches over the end of what was given out. */
interface Carried extends Range {
  /** Its `***` is out already. */
  readonly masked: boolean;
  /** It ended with the window: it goes on to the next white space or quote. */
  readonly open: boolean;
}

function createFilter(known: Known, patterns: boolean): RedactorStream {
  let buffer = '';
  let carried: readonly Carried[] = [];
  /** Bytes that a private key may still go on for; 0: not in one. */
  let pemLeft = 0;

  const drop = (n: number, masked: boolean) => {
    buffer = buffer.slice(n);
    carried = carried
      .filter((r) => r.end > n)
      .map((r) => ({
        ...r,
        from: r.from - n,
        start: Math.max(0, r.start - n),
        end: r.end - n,
        masked: r.masked || masked || r.start < n,
      }));
  };

  /** Gives out the first `end` bytes, masked, and carries on what reaches over it. */
  const give = (ranges: readonly Carried[], end: number): string => {
    let out = '';
    let at = 0;
    for (const group of merge(ranges)) {
      if (group.start >= end) break;
      out += buffer.slice(at, group.start);
      if (!group.masked) out += group.bare ? `"${MASK}"` : MASK;
      at = Math.min(group.end, end);
    }
    out += buffer.slice(at, end);
    carried = ranges.filter((r) => r.from < end && r.end > end);
    drop(end, false);
    return out;
  };

  const find = (end: number, windowed: boolean): readonly Carried[] => {
    const text = buffer.slice(0, end);
    const fresh = (range: Range, open: boolean): Carried => ({ ...range, masked: false, open });
    return [
      ...carried.map((range) => goOn(range, text, windowed)),
      ...known.ranges(buffer, end).map((range) => fresh(range, false)),
      ...(patterns ? patternRanges(text) : []).map((range) => fresh(range, windowed && range.end === end)),
    ];
  };

  /** Inside a private key. true: more bytes are needed. */
  const skipKey = (final: boolean): boolean => {
    const text = buffer.slice(0, pemLeft);
    const end = PEM_END.exec(text);
    if (end) {
      drop(end.index + end[0].length, true);
      pemLeft = 0;
      return false;
    }
    if (final || text.length === pemLeft) {
      drop(text.length, true);
      pemLeft = 0;
      return false;
    }
    const gone = Math.max(0, text.length - PEM_END_MAX);
    drop(gone, true);
    pemLeft -= gone;
    return true;
  };

  const drain = (final: boolean, release: boolean): string => {
    let out = '';
    while (buffer !== '') {
      if (pemLeft > 0) {
        if (skipKey(final)) break;
        continue;
      }
      const overlap = Math.max(OVERLAP, known.longest());
      const window = Math.max(WINDOW, 2 * overlap);
      let end = wholeLines(buffer, window);
      if (end > 0) {
        if (!final && !release) end = Math.min(end, lineStart(buffer, known.unfinished(buffer)));
        if (end === 0) break;
        const key = patterns ? firstKey(buffer.slice(0, end)) : null;
        const ranges = find(end, false);
        if (!key) {
          out += give(ranges, end);
          continue;
        }
        const inside = ranges.some((r) => r.start < key.start && r.end > key.start);
        out += give(ranges, key.start) + (inside ? '' : MASK);
        drop(key.end - key.start, true);
        pemLeft = PEM_MAX;
      } else if (buffer.length >= window) {
        out += give(find(window, true), window - overlap);
      } else if (final) {
        out += give(find(buffer.length, false), buffer.length);
      } else break;
    }
    return out;
  };

  const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
  return {
    push(chunk) {
      buffer += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
      return bytes(drain(false, false));
    },
    flush: () => bytes(drain(false, true)),
    end: () => bytes(drain(true, true)),
  };
}

/** Overlapping ranges as one; ranges that only touch stay two, so that it does not matter where the stream was given out. */
function merge(ranges: readonly Carried[]): readonly Carried[] {
  const groups: Carried[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = groups.at(-1);
    if (!last || range.start >= last.end) {
      groups.push(range);
      continue;
    }
    const same = range.start === last.start && range.end === last.end;
    groups[groups.length - 1] = {
      ...last,
      end: Math.max(last.end, range.end),
      masked: last.masked || range.masked,
      bare: same ? (last.bare ?? false) || (range.bare ?? false) : range.end <= last.end && (last.bare ?? false),
    };
  }
  return groups;
}

function goOn(range: Carried, text: string, windowed: boolean): Carried {
  if (!range.open) return range;
  const rest = text.slice(range.end).search(/[ \t\r\n"']/);
  return rest < 0 ? { ...range, end: text.length, open: windowed } : { ...range, end: range.end + rest, open: false };
}

/** The end of the last line, all of them shorter than `longest`; 0 where the first is not finished, or is longer. */
function wholeLines(text: string, longest: number): number {
  let end = 0;
  let returns = text.indexOf('\r');
  for (;;) {
    const newline = text.indexOf('\n', end);
    if (returns >= 0 && returns < end) returns = text.indexOf('\r', end);
    const next = newline < 0 ? returns : returns < 0 ? newline : Math.min(newline, returns);
    if (next < 0 || next - end >= longest) return end;
    end = next + 1;
  }
}

/** Where the line that holds `index` begins. */
function lineStart(text: string, index: number): number {
  if (index === 0) return 0;
  return Math.max(text.lastIndexOf('\n', index - 1), text.lastIndexOf('\r', index - 1)) + 1;
}

function firstKey(text: string): { start: number; end: number } | null {
  PEM_BEGIN.lastIndex = 0;
  const m = PEM_BEGIN.exec(text);
  return m ? { start: m.index, end: m.index + m[0].length } : null;
}
