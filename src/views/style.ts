/** How a person reads: shared by all text views. The closing block is the same on a terminal and in CI, but for colour and relative times. */
import { Chalk, type ChalkInstance } from 'chalk';
import { visibleLine } from '../secret/controls.js';

export interface Style {
  readonly colour: boolean;
  /** Whole digests and SHAs. */
  readonly full: boolean;
  /** Milliseconds since 1970 where times may be relative (a terminal), else null: UTC. */
  readonly now: number | null;
  readonly terminal: boolean;
}

/** The column at which `(exit N)` stands. */
const EXIT_COLUMN = 100;

const COLOURED = new Chalk({ level: 1 });
const COLOURLESS = new Chalk({ level: 0 });

/** Colour says nothing that the words do not say. */
export const paint = (style: Style): ChalkInstance => (style.colour ? COLOURED : COLOURLESS);
export const digestText = (digest: string, style: Style): string => (style.full ? digest : digest.slice(0, 12));
export const shaText = (sha: string, style: Style): string => (style.full ? sha : sha.slice(0, 7));

/** Text from outside on one line, with nothing in it that acts (O-5). */
export const safe = (text: string): string => visibleLine(text);

/** `2026-11-24 12:04Z`, or `6 days ago` on a terminal. */
export function timeText(time: string, style: Style): string {
  if (style.now === null) return `${time.slice(0, 10)} ${time.slice(11, 16)}Z`;
  const seconds = Math.max(0, Math.round((style.now - Date.parse(time)) / 1000));
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ];
  for (const [size, name] of units) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${name}${count === 1 ? '' : 's'} ago`;
  }
  return 'now';
}

export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** Rows as columns as wide as their widest cell, two spaces between, nothing behind the last. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** The lines with the exit code at the end of the last one, where it is not 0. */
export function withExit(lines: readonly string[], exitCode: number): string {
  const all = [...lines];
  if (exitCode !== 0) {
    const last = all.pop() ?? '';
    all.push(`${last.padEnd(EXIT_COLUMN)} (exit ${exitCode})`);
  }
  return `${all.join('\n')}\n`;
}

/** `v1.136.0` of `ghcr.io/immich-app/immich-server:v1.136.0`; of a digest its first 12 digits. */
export function tag(reference: string): string {
  const digest = /@sha256:([0-9a-f]{12})/.exec(reference)?.[1];
  if (digest !== undefined) return digest;
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  return safe(name.includes(':') ? name.slice(name.indexOf(':') + 1) : 'latest');
}

/** `bob` of `bob@example.net`, `alice` of `self:alice@laptop`. */
export function person(principal: string, style: Style): string {
  const bare = principal.replace(/^self:/, '');
  return safe(style.full ? bare : bare.replace(/@.*$/, ''));
}

/** A label and its text, further lines of it beneath: `  why   the new container ...`. At most 50 lines. */
export function labelled(label: string, text: string): string[] {
  const lines = text.split('\n').slice(0, 50);
  return lines.map((line, index) => `  ${(index === 0 ? label : '').padEnd(5)} ${safe(line)}`.trimEnd());
}

/** `hint: ...`, further lines of it beneath. */
export function hintLines(hint: string | null | undefined, label = 'hint'): string[] {
  if (!hint) return [];
  const indent = ' '.repeat(label.length + 2);
  return hint.split('\n').map((line, index) => `${index === 0 ? `${label}: ` : indent}${safe(line)}`.trimEnd());
}
