/** What is looked at before the YAML parser recurses into anything: size, encoding, characters, depth, number of tokens (M-3). */
import { CST, Lexer } from 'yaml';

/** Nesting of flow and block collections together. Real manifests and compose files stay under 12. */
const MAX_DEPTH = 64;
/** Lexical tokens in a file; a compose file of 100 kB has about 40,000. */
const MAX_TOKENS = 200_000;

export interface Flaw {
  readonly code: string;
  /** Offset in the text, UTF-16 units. */
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

/** What is said of a file by its size alone. */
export const tooLong = (maxBytes: number): Flaw => ({
  code: 'PCTL-YAML-SIZE',
  offset: 0,
  message: `the file is larger than ${maxBytes} bytes`,
  hint: 'a manifest is a page of text; move data into files that it names',
});

/** The text of a file, or why its bytes are none. Sizes are compared before anything is decoded. */
export function decode(text: Uint8Array | string, maxBytes: number): string | Flaw {
  if (text.length > maxBytes) return tooLong(maxBytes);
  let decoded: string;
  if (typeof text === 'string') {
    decoded = text;
    // Lone surrogates have no UTF-8 form, so such a string came from no file.
    if (/\p{Surrogate}/u.test(decoded))
      return { code: 'PCTL-YAML-ENCODING', offset: 0, message: 'the text is not Unicode' };
  } else {
    try {
      decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(text);
    } catch {
      return { code: 'PCTL-YAML-ENCODING', offset: 0, message: 'the file is not UTF-8', hint: 'save it as UTF-8' };
    }
  }
  const control = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff]|\r(?!\n)/.exec(decoded);
  if (control) {
    const hex = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    return {
      code: 'PCTL-YAML-CONTROL',
      offset: control.index,
      message: `control character U+${hex}`,
      hint: 'remove it; in a double-quoted string it can be written as an escape',
    };
  }
  return decoded;
}

/**
 * Splits the text into the lexer's tokens, or stops at the first thing that is refused: too deep, too many tokens, a tag, a directive, a second document.
 * Depth is counted here because the parser's later stages recurse.
 */
export function scan(text: string, foreignTags: readonly string[]): { lexemes: string[] } | Flaw {
  const lexemes: string[] = [];
  const depth = new DepthGauge();
  let offset = 0;
  let documents = 0;
  let inScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    lexemes.push(lexeme);
    if (lexemes.length > MAX_TOKENS) {
      return { code: 'PCTL-YAML-SIZE', offset, message: `the file has more than ${MAX_TOKENS} YAML tokens` };
    }
    // The lexer marks a scalar, a document and the end of broken flow content by one character of its own.
    if (lexeme === CST.SCALAR) {
      inScalar = true;
      continue;
    }
    if (lexeme === CST.DOCUMENT) {
      if (++documents > 1) return second(offset);
      continue;
    }
    if (lexeme === CST.FLOW_END) continue;
    const type = inScalar ? 'scalar' : CST.tokenType(lexeme);
    inScalar = false;
    if (type === 'tag') return refusedTag(lexeme, offset, foreignTags);
    if (type === 'directive-line') {
      return {
        code: 'PCTL-YAML-DIRECTIVE',
        offset,
        message: 'YAML directives are not accepted',
        hint: 'remove the line',
      };
    }
    if (!depth.see(type, lexeme)) {
      return { code: 'PCTL-YAML-DEPTH', offset, message: `nested deeper than ${MAX_DEPTH} levels` };
    }
    offset += lexeme.length;
  }
  return { lexemes };
}

function second(offset: number): Flaw {
  return {
    code: 'PCTL-YAML-DOCUMENTS',
    offset,
    message: 'a second YAML document in one file',
    hint: 'one file holds one document; remove the `---` and what follows, or move it into a file of its own',
  };
}

function refusedTag(tag: string, offset: number, foreignTags: readonly string[]): Flaw {
  const shown = tag.slice(0, 40);
  return foreignTags.includes(tag)
    ? {
        code: 'PCTL-YAML-TAG',
        offset,
        message: `the tag ${shown} belongs to a merge of several files, and this file stands alone`,
        hint: 'write the value that the merge would give',
      }
    : {
        code: 'PCTL-YAML-TAG',
        offset,
        message: `the tag ${shown} is not accepted`,
        hint: 'remove it; quote the value if it is text',
      };
}

/**
 * An upper estimate of the depth at every token, in one pass. Flow: brackets. Block: a level needs a column further right than its parent's (or the same, for a
 * sequence in a mapping), so the columns of what can open a level make a stack.
 */
class DepthGauge {
  private flow = 0;
  private column = 0;
  private opens = true;
  private readonly columns: number[] = [];

  /** false: too deep. */
  see(type: string | null, lexeme: string): boolean {
    if (type === 'newline') {
      this.column = 0;
      this.opens = true;
      return true;
    }
    if (type === 'flow-map-start' || type === 'flow-seq-start') this.flow++;
    if ((type === 'flow-map-end' || type === 'flow-seq-end') && this.flow > 0) this.flow--;
    if (type !== 'space' && type !== 'comment' && this.flow === 0 && this.opens) this.open();
    if (type === 'space' || type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind') {
      this.opens ||= type !== 'space';
    } else if (type !== 'anchor') {
      this.opens = false;
    }
    const lastLine = lexeme.lastIndexOf('\n');
    this.column = lastLine === -1 ? this.column + lexeme.length : lexeme.length - lastLine - 1;
    // A block scalar ends at the start of a line, and so may a plain one.
    if (lastLine !== -1 && this.column === 0) this.opens = true;
    return this.flow + this.columns.length <= MAX_DEPTH;
  }

  private open(): void {
    while (this.columns.length > 0 && this.columns.at(-1)! > this.column) this.columns.pop();
    if (this.columns.at(-1) !== this.column) this.columns.push(this.column);
  }
}
