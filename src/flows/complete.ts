/** What could stand where the cursor is (C-8). Nothing is loaded that a table and a few small files do not need (C-6), and nothing that is found here is trusted. */
import { quickKeys } from '../manifest/quick-keys.js';
import type { Files } from '../ports.js';

/** The commander tree as data, made by the build. */
export interface CommandTable {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly {
    readonly names: readonly string[];
    readonly summary: string;
    /** The name of its value; null: it takes none. */
    readonly value: string | null;
  }[];
  readonly args: readonly { readonly name: string; readonly variadic: boolean; readonly choices: readonly string[] }[];
  readonly commands: readonly CommandTable[];
}

export interface Candidate {
  readonly value: string;
  readonly summary: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** What the shell adds by itself. */
  readonly also: 'files' | 'folders' | null;
}

type Source = 'modules' | 'hosts' | 'runs';

/** What an argument or a flag's value is, by the name that help gives it. */
const SOURCES: Readonly<Record<string, { readonly from: readonly Source[]; readonly also?: 'files' | 'folders' }>> = {
  id: { from: ['modules'] },
  ids: { from: ['modules'] },
  plan: { from: ['modules'], also: 'files' },
  plans: { from: ['modules'], also: 'files' },
  'run-or-id': { from: ['modules', 'runs'] },
  host: { from: ['hosts'] },
  hosts: { from: ['hosts'] },
  file: { from: [], also: 'files' },
  dir: { from: [], also: 'folders' },
};
const HELP = { names: ['--help'], summary: 'help for it' };
const TOPICS: readonly Candidate[] = [
  { value: 'exit-codes', summary: 'what each exit code means' },
  { value: 'environment', summary: 'which variables are read' },
];

const MODULE = /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}$/;
const HOST = /^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,63}$/;
const RUN = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SMALL_FILE = 1024 * 1024;
/** Folders of modules that are looked into, and runs that are told. */
const MAX_FOLDERS = 5_000;
const MAX_RUNS = 200;
const AT_ONCE = 32;

/** @param words behind the program's name; the last is the one at the cursor, '' where it is not begun */
export async function complete(
  table: CommandTable,
  words: readonly string[],
  files: Pick<Files, 'read' | 'list'>,
  directory: string,
): Promise<Completion> {
  const line = readLine(table, joinEquals(words));
  const { current } = line;
  if (line.value !== null) return fromSource(line.value, [], current, files, line.folder ?? directory);
  if (current.startsWith('-') && !line.ended) {
    const flags = [...line.command.flags, ...(line.command === table ? [] : table.flags)];
    const fresh = flags.filter(({ names, value }) => value !== null || !names.some((name) => line.given.has(name)));
    // The long name says what it is; the short one is offered where there is no other.
    const offered = [...fresh, HELP].map(({ names, summary }) => ({
      value: names.find((name) => name.startsWith('--')) ?? names[0] ?? '',
      summary,
    }));
    return { candidates: startingWith(offered, current), also: null };
  }
  if (line.command.commands.length > 0) {
    const commands = line.command.commands.map(({ name, summary }) => ({ value: name, summary }));
    return { candidates: startingWith(commands, current), also: null };
  }
  if (line.command.name === 'help') {
    const commands = table.commands.map(({ name, summary }) => ({ value: name, summary }));
    return { candidates: startingWith(line.position === 0 ? [...commands, ...TOPICS] : [], current), also: null };
  }
  const { args } = line.command;
  const argument = args[line.position] ?? (args.at(-1)?.variadic ? args.at(-1) : undefined);
  if (!argument) return NOTHING;
  return fromSource(argument.name, argument.choices, current, files, line.folder ?? directory);
}

const NOTHING: Completion = { candidates: [], also: null };

/** bash takes `--host=x` apart. */
function joinEquals(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [index, word] of words.entries()) {
    const flag = joined.at(-1);
    if (word === '=' && flag?.startsWith('--')) joined[joined.length - 1] = `${flag}=`;
    else if (words[index - 1] === '=' && flag?.endsWith('=')) joined[joined.length - 1] = flag + word;
    else joined.push(word);
  }
  return joined;
}

interface Line {
  readonly command: CommandTable;
  /** How many arguments stand before the cursor. */
  readonly position: number;
  readonly given: ReadonlySet<string>;
  /** `--` was there. */
  readonly ended: boolean;
  /** The cursor is in a flag's value: its name. */
  readonly value: string | null;
  readonly current: string;
  /** `-C DIR` */
  readonly folder: string | null;
}

function readLine(table: CommandTable, words: readonly string[]): Line {
  let command = table;
  let position = 0;
  let ended = false;
  let folder: string | null = null;
  let waiting: string | null = null;
  const given = new Set<string>();
  const flagOf = (word: string) => [...command.flags, ...table.flags].find(({ names }) => names.includes(word));
  for (const word of words.slice(0, -1)) {
    if (waiting !== null) {
      if (waiting === '-C') folder = word;
      waiting = null;
    } else if (ended || !word.startsWith('-') || word === '-') {
      const next = command.commands.find(({ name }) => name === word);
      if (next && position === 0) command = next;
      else position++;
    } else if (word === '--') ended = true;
    else {
      const [name = ''] = word.split('=');
      given.add(name);
      if (flagOf(word)?.value) waiting = word;
    }
  }
  const last = words.at(-1) ?? '';
  const [name = '', ...rest] = last.split('=');
  const inline = !ended && waiting === null && rest.length > 0 ? (flagOf(name)?.value ?? null) : null;
  return {
    command,
    position,
    given,
    ended,
    value: waiting === null ? inline : (flagOf(waiting)?.value ?? null),
    current: inline === null ? last : rest.join('='),
    folder,
  };
}

const startingWith = (candidates: readonly Candidate[], current: string): Candidate[] =>
  candidates.filter(({ value }) => value.startsWith(current));

async function fromSource(
  name: string,
  choices: readonly string[],
  current: string,
  files: Pick<Files, 'read' | 'list'>,
  directory: string,
): Promise<Completion> {
  if (choices.length > 0) return { candidates: startingWith(choices.map(named), current), also: null };
  const source = SOURCES[name];
  if (!source) return NOTHING;
  const root = source.from.length > 0 ? await rootOf(files, directory) : null;
  const found: Candidate[] = [];
  if (root !== null) for (const from of source.from) found.push(...(await FIND[from](files, root)));
  return { candidates: startingWith(found, current), also: source.also ?? null };
}

const named = (value: string): Candidate => ({ value, summary: '' });

/** The nearest folder upwards that has a config; git is not asked. */
async function rootOf(files: Pick<Files, 'list'>, directory: string): Promise<string | null> {
  for (let folder = directory; ; folder = folder.slice(0, folder.lastIndexOf('/'))) {
    if ((await files.list(`${folder}/.platform`)).includes('config.yaml')) return folder;
    if (folder === '') return null;
  }
}

const FIND: Readonly<Record<Source, (files: Pick<Files, 'read' | 'list'>, root: string) => Promise<Candidate[]>>> = {
  async hosts(files, root) {
    const text = await textOf(files, `${root}/.platform/config.yaml`);
    const names = quickKeys(text, ['hosts']).map(({ key }) => key);
    return names.filter((name) => HOST.test(name)).map(named);
  },
  async modules(files, root) {
    const folders = (await files.list(`${root}/modules`)).filter((name) => MODULE.test(name)).slice(0, MAX_FOLDERS);
    const found: Candidate[] = [];
    for (let at = 0; at < folders.length; at += AT_ONCE)
      found.push(
        ...(await Promise.all(folders.slice(at, at + AT_ONCE).map((folder) => idsIn(files, root, folder)))).flat(),
      );
    return found;
  },
  async runs(files, root) {
    const lines = (await textOf(files, `${root}/.platform/state/audit.jsonl`, 16 * SMALL_FILE)).split('\n').reverse();
    const runs = new Map<string, string>();
    for (const line of lines) {
      if (runs.size === MAX_RUNS) break;
      const [id, module] = [memberOf(line, 'run_id'), memberOf(line, 'module')];
      if (id && RUN.test(id) && !runs.has(id))
        runs.set(id, `${module ?? ''} ${memberOf(line, 'outcome') ?? ''}`.trim());
    }
    return [...runs].map(([value, summary]) => ({ value, summary: summary.replace(/[^\w ()-]/g, '') }));
  },
};

/** A folder's own id, and those of a stack's modules. */
async function idsIn(files: Pick<Files, 'read'>, root: string, folder: string): Promise<Candidate[]> {
  const text = await textOf(files, `${root}/modules/${folder}/stack.yaml`);
  if (text === '') return [named(folder)];
  const services = quickKeys(text, ['spec', 'services']).map(({ key, text: own }) => {
    const id = /(?:^|[{,\s])id: *["']?([A-Za-z0-9_-]+)/.exec(own)?.[1];
    return { value: id ?? `${folder}-${key}`, summary: `of the stack ${folder}` };
  });
  return [
    { value: folder, summary: `a stack of ${services.length}` },
    ...services.filter(({ value }) => MODULE.test(value)),
  ];
}

/** '' for what cannot be read: a completion has nobody to tell. */
async function textOf(files: Pick<Files, 'read'>, path: string, max = SMALL_FILE): Promise<string> {
  const bytes = await files.read(path, max).catch(() => null);
  return bytes ? new TextDecoder().decode(bytes) : '';
}

const memberOf = (line: string, name: string): string | null =>
  new RegExp(`"${name}":"([^"\\\\]{1,100})"`).exec(line)?.[1] ?? null;
