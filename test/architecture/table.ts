/** design.md's "Who may import what", as data. A room is a folder of src/, or the name of a file directly in it. */

/** Names that every room may use: they have no effects. */
export const FOUNDATION = ['errors', 'exits', 'quote', 'run-id'] as const;

/** Synchronous and pure: what they know arrives as values. */
export const PURE_ROOMS = ['manifest', 'state', 'compose', 'plan', 'gate'] as const;

/** Node's own modules that only compute. Of node:crypto only these: nothing random, nothing asynchronous. */
export const PURE_NODE = ['node:crypto', 'node:path/posix'] as const;
export const PURE_CRYPTO = ['createHash', 'createHmac', 'timingSafeEqual', 'type Hash'] as const;

export interface Room {
  /** Rooms, or single files such as `secret/secret`, besides the room itself and the foundation. */
  readonly values: readonly string[];
  /** The same, as types only. */
  readonly types: readonly string[];
  readonly packages: readonly string[];
}

const PARSERS = ['yaml', 'ajv'];
const JUDGING = [...PURE_ROOMS];
const DOING = ['execute', 'verify', 'record', 'action', 'pack', 'queue'];

const doing = (): Room => ({
  values: [...JUDGING, ...DOING, 'secret', 'host'],
  types: ['ports'],
  packages: [],
});

export const ROOMS: Readonly<Record<string, Room>> = {
  errors: { values: [], types: [], packages: [] },
  exits: { values: [], types: [], packages: [] },
  quote: { values: [], types: [], packages: [] },
  'run-id': { values: [], types: [], packages: [] },
  ports: { values: [], types: ['secret/secret'], packages: [] },
  secret: { values: [], types: ['ports'], packages: [] },

  manifest: { values: ['secret/secret'], types: [], packages: PARSERS },
  state: { values: ['manifest', 'secret/secret'], types: [], packages: PARSERS },
  compose: { values: ['manifest', 'state'], types: [], packages: PARSERS },
  plan: { values: ['compose', 'manifest', 'state'], types: [], packages: ['ajv', 'canonicalize'] },
  gate: { values: ['plan', 'compose', 'manifest', 'state'], types: [], packages: [] },

  execute: doing(),
  verify: doing(),
  record: doing(),
  action: doing(),
  pack: doing(),
  queue: doing(),
  host: { values: [], types: [], packages: [] },

  flows: { values: [...JUDGING, ...DOING, 'secret', 'host'], types: ['ports'], packages: [] },
  // A view draws what a flow returns: it may name those types, and what they are made of. Text from outside it makes harmless by itself (O-5).
  views: {
    values: ['secret/controls'],
    types: [...JUDGING, 'flows', 'ports'],
    packages: ['chalk'],
  },
  commands: { values: ['flows', 'views'], types: ['ports', 'manifest/types'], packages: [] },

  adapters: {
    values: ['secret', 'ports'],
    types: [],
    packages: ['execa', 'ssh2', 'ora', 'node:*'],
  },
  wiring: { values: ['adapters', 'views', 'secret'], types: ['ports'], packages: ['node:os', 'node:path'] },
  program: { values: ['commands'], types: ['ports'], packages: ['commander'] },
  // It imports a command when that one runs, and a view to show an error with.
  main: { values: ['program', 'wiring', 'commands', 'views', 'secret'], types: ['ports'], packages: ['commander'] },
};

/** Rooms that may touch `process`. */
export const PROCESS_ROOMS = ['main', 'wiring'] as const;

/** What adapters may take of it: who this process is, signals to a process, and to be told of its end. Settings, streams and the exit are not theirs. */
export const PROCESS_OF_ADAPTERS = ['process.pid', 'process.kill', 'process.once'] as const;

/** Rooms that may read the clock and draw random numbers. */
export const CLOCK_ROOMS = ['adapters'] as const;

export const LONGEST_FILE = 250;

/** Made by `npm run types`. */
export const GENERATED = ['src/manifest/types.ts', 'src/manifest/schemas.ts', 'src/host/programs.ts'] as const;

/** Files that may be longer, and why. */
export const LONGER: Readonly<Record<string, string>> = {
  'src/program.ts': 'the whole command tree on one page, by design',
  'src/ports.ts': 'the one list of what the program asks of the world; types only',
  'src/host/talk.sh': 'a host gets one program as one text; sh has no modules',
  'src/host/finish.sh': 'a host gets one program as one text; sh has no modules',
};
