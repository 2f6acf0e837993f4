/**
 * Hostile output made visible (O-5). Text from hosts, containers, git and manifests goes through here before it stands in a line of ours: a terminal, a CI
 * runner and a reviewer then see characters, never commands.
 */

/** Bidirectional controls, zero-width and other invisible characters, tag characters, line and paragraph separators. */
const INVISIBLE =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: single characters are meant, combining ones too
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const LONE_SURROGATE = /\p{Surrogate}/gu;
/** What GitHub's and Forgejo's runners take as a command: `::name` at the start of a line, `##[name]` anywhere. */
const RUNNER_COMMAND = /^([ \t]*):(?=:)/gm;
const RUNNER_COMMAND_OLD = /##(?=\[)/g;

function hex(text: string, width: number): string {
  return (text.codePointAt(0) ?? 0).toString(16).padStart(width, '0');
}

/**
 * The same text with nothing in it that acts: control characters and the start of every escape sequence as `\x1b`, C1 as `\x9b`, bidirectional and invisible
 * characters as `<U+202E>`, a runner's commands broken by a space. Newlines and tabs stay, CR LF becomes LF. Idempotent.
 */
export function visible(text: string): string {
  return text
    .replace(/\r\n/g, '\n')
    .replace(CONTROLS, (c) => `\\x${hex(c, 2)}`)
    .replace(INVISIBLE, (c) => `<U+${hex(c, 4).toUpperCase()}>`)
    .replace(LONE_SURROGATE, '\ufffd')
    .replace(RUNNER_COMMAND, '$1: ')
    .replace(RUNNER_COMMAND_OLD, '# #');
}

/** A JSON text with the same values and nothing in it that acts: JSON itself escapes controls below U+0020 only. Valid JSON stays so. */
export function inertJson(json: string): string {
  return json
    .replace(/[\u007f-\u009f]/g, escaped)
    .replace(INVISIBLE, (c) => [...Array(c.length).keys()].map((at) => escaped(c.charAt(at))).join(''))
    .replace(RUNNER_COMMAND_OLD, '#\\u0023');
}

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** `visible`, on one line: newlines as `\n`, tabs as `\t`, at most `max` characters, up to the end of a word: half a secret is none that the redactor knows (O-4). */
export function visibleLine(text: string, max = 2000): string {
  const cut = text.length > max ? `${text.slice(0, max).replace(/\S+$/, '')}...` : text;
  return visible(cut).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

/** The end of an output whose beginning was cut off, from a line's beginning on: of half a line nobody can tell whether it is the rest of a secret (O-4). */
export const afterCut = (bytes: Uint8Array): Uint8Array => {
  const end = bytes.indexOf(10);
  return end < 0 ? new Uint8Array() : bytes.subarray(end + 1);
};

/** A line that is longer is shown in pieces. Characters. */
const PIECE = 64 * 1024;

export interface VisibleStream {
  push(bytes: Uint8Array): string;
  end(): string;
}

/** `visible` over bytes that come in pieces, wherever they are cut: a line is shown once it is whole, so that no character and no command is seen in halves. */
export function visibleStream(): VisibleStream {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let held = '';
  const take = (end: number): string => {
    const text = held.slice(0, end);
    held = held.slice(end);
    return visible(text);
  };
  return {
    push(bytes) {
      held += decoder.decode(bytes, { stream: true });
      let shown = take(held.lastIndexOf('\n') + 1);
      // What could be the beginning of something stays: half a pair, CR, `:` and `#`.
      while (held.length > PIECE)
        shown += take(PIECE - (/([:#\r]{1,2}|[\ud800-\udbff])$/.exec(held.slice(0, PIECE))?.[0].length ?? 0));
      return shown;
    },
    end() {
      held += decoder.decode();
      return take(held.length);
    },
  };
}
