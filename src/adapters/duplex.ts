/**
 * A program that runs somewhere, as three byte streams and an end: what the ssh and the local transport have in common. From it `Host.run` and
 * `Host.talk` are made, so that both keep the same deadlines and bounds (X-8, I-4).
 */
import type { Readable, Writable } from 'node:stream';
import { type ErrorDetails, PlatformError } from '../errors.js';
import { EXIT_REMOTE_FAILED } from '../exits.js';
import type { Limit, RunResult } from '../ports.js';

export interface End {
  /** null: a signal ended it, or nobody knows. */
  readonly code: number | null;
  /** The connection went away, or the channel closed without an exit status. */
  readonly lost: boolean;
}

export interface Duplex {
  readonly input: Writable;
  readonly output: Readable;
  readonly errors: Readable;
  /** Its exit status was told; output may still come. */
  readonly exited: Promise<void>;
  /** Exit status told and all output delivered, or the connection lost. Never rejects. */
  readonly closed: Promise<End>;
  /** TERM to its whole process group, KILL after 10 s. Returns at once. */
  stop(): void;
}

export interface DuplexBounds {
  /** Bytes of stdout that the programs of one connection may have said and that are held, together. */
  readonly stdoutBytes: number;
  /** Bytes of a line, and of stderr (the end of it is kept). */
  readonly lineBytes: number;
  /** How long the other side may take for a MiB of ours. */
  readonly sayMs: number;
  /** How long after the exit status something that still holds the output open is waited for while it says nothing. */
  readonly lingerMs: number;
}

export const DUPLEX_BOUNDS: DuplexBounds = {
  stdoutBytes: 24 * 1024 * 1024,
  lineBytes: 64 * 1024,
  sayMs: 120_000,
  lingerMs: 2_000,
};

/** What the programs of one connection have said so far and that is held for whoever asked: eight of them at once are bounded as one is. */
export interface Held {
  bytes: number;
}

/** Bytes written in one go; each piece has to be taken before the next one is handed over. */
const PIECE = 256 * 1024;

function fail(host: string, step: string, details: Omit<ErrorDetails, 'exit' | 'where'>): PlatformError {
  return new PlatformError({ exit: EXIT_REMOTE_FAILED, where: { host, step }, ...details });
}

/** PCTL-HOST-SILENT (7): `step` did not end within `ms`. */
export function silent(host: string, limit: Limit): PlatformError {
  return fail(host, limit.step, {
    code: 'PCTL-HOST-SILENT',
    summary: `${host}: ${limit.step} did not answer within ${seconds(limit.ms)}`,
    hint: `platformctl host check ${host}`,
  });
}

/** PCTL-HOST-LOST (7): the connection or the program ended before it had answered. */
export function lost(host: string, step: string, why: string): PlatformError {
  return fail(host, step, {
    code: 'PCTL-HOST-LOST',
    summary: `${host}: the connection was lost during ${step}`,
    why,
    hint: `platformctl host check ${host}`,
  });
}

export function flood(host: string, step: string, bytes: number): PlatformError {
  return fail(host, step, {
    code: 'PCTL-HOST-FLOOD',
    summary: `${host}: ${step} wrote more than ${bytes} bytes`,
    why: 'output from a host is bounded',
  });
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`;
}

/** `promise`, or the rejection with `late()` once `ms` are over. `promise` itself goes on; its later rejection is swallowed. */
export function within<T>(promise: Promise<T>, ms: number, late: () => PlatformError): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), Math.max(0, ms));
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** Keeps the last `max` bytes of a stream, consuming all of it. */
export function tail(stream: Readable, max: number): () => Buffer {
  let kept: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    kept.push(chunk);
    size += chunk.length;
    if (size > 2 * max) {
      kept = [Buffer.concat(kept).subarray(-max)];
      size = max;
    }
  });
  stream.on('error', () => {});
  return () => Buffer.concat(kept).subarray(-max);
}

/** Hands bytes over in pieces; `done` ends the wait where the program is gone. Resolves false where it was. */
export async function feed(duplex: Duplex, bytes: Uint8Array, gone: Promise<false>): Promise<boolean> {
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = bytes.subarray(at, at + PIECE);
    const taken = new Promise<boolean>((resolve) => {
      if (!duplex.input.writable) resolve(false);
      else duplex.input.write(piece, (error) => resolve(!error));
    });
    if (!(await Promise.race([taken, gone]))) return false;
  }
  return true;
}

/** The end of a program that was told to end: waits on while output comes, gives up `lingerMs` after the exit status where none does. */
export async function settled(duplex: Duplex, bounds: DuplexBounds): Promise<End | 'lingers'> {
  const lingers = duplex.exited.then(
    () =>
      new Promise<'lingers'>((resolve) => {
        let timer = setTimeout(resolve, bounds.lingerMs, 'lingers');
        duplex.output.on('data', () => {
          clearTimeout(timer);
          timer = setTimeout(resolve, bounds.lingerMs, 'lingers');
        });
        void duplex.closed.then(() => clearTimeout(timer));
      }),
  );
  return Promise.race([duplex.closed, lingers]);
}

/**
 * Runs a program to its end: `input` goes in, stdin is closed, output is collected.
 * @param around.leftMs what is left of the limit after the program was started
 * @param around.held shared by the programs of one connection
 * @throws PlatformError PCTL-HOST-SILENT, PCTL-HOST-LOST, PCTL-HOST-FLOOD (7); the program is stopped first
 */
export async function runOver(
  duplex: Duplex,
  host: string,
  input: Uint8Array,
  limit: Limit,
  bounds: DuplexBounds = DUPLEX_BOUNDS,
  { leftMs = limit.ms, held = { bytes: 0 } }: { leftMs?: number; held?: Held } = {},
): Promise<RunResult> {
  const stderr = tail(duplex.errors, bounds.lineBytes);
  const chunks: Buffer[] = [];
  let size = 0;
  const flooded = new Promise<never>((_, reject) => {
    duplex.output.on('data', (chunk: Buffer) => {
      size += chunk.length;
      held.bytes += chunk.length;
      if (held.bytes <= bounds.stdoutBytes) return chunks.push(chunk);
      chunks.length = 0;
      // Nobody takes the rest: its window closes, and it writes no more.
      duplex.output.pause();
      reject(flood(host, limit.step, bounds.stdoutBytes));
    });
  });
  flooded.catch(() => {});
  duplex.output.on('error', () => {});
  duplex.input.on('error', () => {});
  // A program that ends without reading its input is no error of ours: its exit status says what it thinks.
  void feed(
    duplex,
    input,
    duplex.closed.then(() => false as const),
  ).then(() => duplex.input.end());
  try {
    const end = await within(Promise.race([settled(duplex, bounds), flooded]), leftMs, () => silent(host, limit));
    if (end === 'lingers') {
      throw lost(host, limit.step, 'the program ended, but something that it started holds its output open');
    }
    if (end.lost) throw lost(host, limit.step, 'it ended without telling an exit status');
    return { stdout: Buffer.concat(chunks), stderr: stderr(), code: end.code };
  } catch (error) {
    duplex.stop();
    throw error;
  } finally {
    held.bytes -= size;
  }
}
