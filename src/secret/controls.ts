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

/** `visible`, on one line: newlines as `\n`, tabs as `\t`, at most `max` characters. */
export function visibleLine(text: string, max = 2000): string {
  const cut = text.length > max ? `${text.slice(0, max)}...` : text;
  return visible(cut).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}
