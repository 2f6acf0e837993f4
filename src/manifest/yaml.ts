/**
 * Reads YAML 1.2 that may be hostile (M-2, M-3): everything that could cost time, memory or a polluted object is refused before or while it is read, each with
 * its place. Manifests and compose files come through here and nowhere else.
 */
import { Composer, Parser, type YAMLParseError } from 'yaml';
import type { Problem } from '../errors.js';
import { convert } from './yaml-data.js';
import { decode, type Flaw, scan, tooLong } from './yaml-scan.js';

/** Bytes of a file, unless the caller says otherwise. */
const DEFAULT_MAX_BYTES = 1024 * 1024;
/** Of a file that is no YAML at all, more errors help nobody. */
const MAX_SYNTAX_ERRORS = 20;

export interface YamlDocument {
  /** Null-prototype objects, arrays, strings, numbers, booleans, null. An empty file is null. Aliased values are shared: do not change them. */
  readonly data: unknown;
  /** Where a path's key (or list item) stands; the nearest ancestor's place where the path itself is not there. Counted from 1. */
  place(path: readonly (string | number)[]): { line: number; column: number };
}

export interface YamlOptions {
  /** Default 1 MiB. For a string its UTF-16 length is compared. */
  readonly maxBytes?: number;
  /** What compose, whose reader is one of YAML 1.1, takes from there: `<<`, and numbers such as `022`, `1_000` and `0b11`. */
  readonly yaml11?: boolean;
  /** Tags refused with the hint that they belong to a merge of several files: `!reset`, `!override`. Every other tag is refused too. */
  readonly foreignTags?: readonly string[];
}

export type ParsedYaml =
  | { readonly ok: true; readonly document: YamlDocument }
  | { readonly ok: false; readonly problems: Problem[] };

/** One YAML document as plain data. Never throws: what is wrong comes back as problems with codes `PCTL-YAML-...`. */
export function parseYaml(text: Uint8Array | string, file: string, options: YamlOptions = {}): ParsedYaml {
  const decoded = decode(text, options.maxBytes ?? DEFAULT_MAX_BYTES);
  if (typeof decoded !== 'string') return refused(file, '', [decoded]);
  try {
    return read(decoded, file, options);
  } catch {
    // The library threw: not the file's text, which may hold secrets, but that it could not be read is what leaves (O-6).
    return refused(file, decoded, [
      { code: 'PCTL-YAML-SYNTAX', offset: 0, message: 'the YAML parser gave up on this file' },
    ]);
  }
}

/** What `parseYaml` says of a file that is larger than it reads, for those who know the size and need not read it. */
export function oversized(file: string, maxBytes: number): Problem {
  const { code, message, hint } = tooLong(maxBytes);
  return { code, file, line: 1, column: 1, message, ...(hint ? { hint } : {}) };
}

function read(text: string, file: string, options: YamlOptions): ParsedYaml {
  const scanned = scan(text, options.foreignTags ?? []);
  if (!('lexemes' in scanned)) return refused(file, text, [scanned]);

  const parser = new Parser();
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    prettyErrors: false,
    uniqueKeys: false,
    merge: false,
    keepSourceTokens: false,
  });
  const documents = [];
  for (const lexeme of scanned.lexemes)
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end());

  const [document, another] = documents;
  if (another) {
    return refused(file, text, [
      {
        code: 'PCTL-YAML-DOCUMENTS',
        offset: another.range[0],
        message: 'a second YAML document in one file',
        hint: 'one file holds one document',
      },
    ]);
  }
  if (!document) return { ok: true, document: { data: null, place: () => ({ line: 1, column: 1 }) } };
  const errors = document.errors as readonly YAMLParseError[];
  if (errors.length > 0) return refused(file, text, errors.slice(0, MAX_SYNTAX_ERRORS).map(syntaxFlaw));

  const converted = convert(document.contents, options.yaml11 ?? false);
  if (converted.flaws.length > 0) return refused(file, text, converted.flaws);
  const places = placer(text);
  return { ok: true, document: { data: converted.data, place: (path) => places(converted.offsetOf(path)) } };
}

/** The library's messages may quote the file, so its codes are put into words here. */
const SYNTAX: Readonly<Record<string, string>> = {
  BAD_DQ_ESCAPE: 'an escape that double-quoted text does not have',
  BAD_INDENT: 'the indentation does not fit',
  BAD_SCALAR_START: 'text cannot begin with this character; quote it',
  BLOCK_AS_IMPLICIT_KEY:
    'a mapping cannot begin here: a value is missing its own line, or a colon in text wants quotes',
  BLOCK_IN_FLOW: 'an indented block cannot stand inside brackets',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'a closing bracket, brace, quote or comma is missing',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines: is a colon missing?',
  MULTIPLE_ANCHORS: 'a value has two anchors',
  BAD_ALIAS: 'an alias cannot be written so',
  ALIAS_PROPS: 'an alias cannot have an anchor',
  TAB_AS_INDENT: 'a tab is used as indentation; YAML wants spaces',
  UNEXPECTED_TOKEN: 'this is not expected here',
};

const syntaxFlaw = (error: YAMLParseError): Flaw => ({
  code: 'PCTL-YAML-SYNTAX',
  offset: error.pos[0],
  message: `not valid YAML: ${SYNTAX[error.code] ?? 'it cannot be read here'}`,
});

function refused(file: string, text: string, flaws: readonly Flaw[]): ParsedYaml {
  const place = placer(text);
  return {
    ok: false,
    problems: flaws.map(({ code, offset, message, hint }) => ({
      code,
      file,
      ...place(offset),
      message,
      ...(hint ? { hint } : {}),
    })),
  };
}

/** Offsets as lines and columns (UTF-16 units, from 1); the lines are found at the first question. */
function placer(text: string): (offset: number) => { line: number; column: number } {
  let starts: number[] | undefined;
  return (offset) => {
    if (!starts) {
      starts = [0];
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    }
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  };
}
