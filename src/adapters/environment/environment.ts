/** The environment as it is admitted (M-6): nothing else of `process.env` is seen by anybody. */
import type { Admission, Environment } from '../../ports.js';
import { Secret } from '../../secret/secret.js';
import { parseEnvFile } from './env-file.js';
import { isAdmitted, isForChildren, NEVER_FROM_ENV_FILE, PREFIX } from './names.js';

export interface EnvironmentOptions {
  /** The environment itself: wiring passes `process.env`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The text of `--env-file`, and its path for the warning. */
  readonly envFile?: { readonly path: string; readonly text: string };
  /** Registers a secret with the redactor. */
  readonly hide: (secret: Secret) => void;
  /** Takes the one warning about what was skipped in the env file. */
  readonly warn: (message: string) => void;
}

export interface AdmittedEnvironment extends Environment {
  /** A source that a manifest names (`env:NAME`, `token_env`): any variable of the environment itself, or what the env file may give. Registered, and withheld from every child from then on. */
  source(name: string): Secret | undefined;
  /** No config was read that could have admitted more: names what was skipped, unless `admit` did. */
  settle(): void;
  /** Every `PLATFORMCTL_*` that is set, in the environment or by the env file. */
  ours(): readonly string[];
  /** What git, ssh-keygen and tailscale get: the admitted names without `PLATFORMCTL_*`, and without what is a source. */
  childEnvironment(): Record<string, string>;
}

/** Builds the environment. The real environment beats the env file. Whoever builds it calls `settle` at the end, so that skipped keys are named. */
export function environmentOf(options: EnvironmentOptions): AdmittedEnvironment {
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(options.variables)) if (value !== undefined) variables.set(name, value);
  const parsed = options.envFile ? parseEnvFile(options.envFile.text) : { lines: [], unread: 0 };
  const fromFile = new Map(parsed.lines.map(({ name, value }) => [name, value]));
  const withheld = new Set<string>();
  let admission: Admission = { prefixes: [], names: [] };
  let warned = false;

  const ours = (name: string): boolean => name.startsWith(PREFIX) && !NEVER_FROM_ENV_FILE.test(name);
  const admitted = (name: string): boolean =>
    !NEVER_FROM_ENV_FILE.test(name) &&
    (admission.names.includes(name) || admission.prefixes.some((prefix) => prefix !== '' && name.startsWith(prefix)));

  const get = (name: string): string | undefined => {
    if (!isAdmitted(name)) return undefined;
    return variables.get(name) ?? (ours(name) ? fromFile.get(name) : undefined);
  };
  const secretOf = (name: string, value: string | undefined): Secret | undefined => {
    if (value === undefined || value === '') return undefined;
    const secret = new Secret(value, `env:${name}`);
    options.hide(secret);
    withheld.add(name);
    return secret;
  };

  const admit = (more: Admission): void => {
    admission = more;
    if (warned || !options.envFile) return;
    warned = true;
    const skipped = [...fromFile.keys()].filter((name) => !ours(name) && !admitted(name)).sort();
    if (skipped.length > 0)
      options.warn(
        `${options.envFile.path}: skipped ${listed(skipped)}: only ${PREFIX}* is taken, and what env_file in config.yaml admits`,
      );
  };

  return {
    get,
    secret: (name) => secretOf(name, get(name)),
    source: (name) => {
      withheld.add(name);
      return secretOf(name, variables.get(name) ?? (ours(name) || admitted(name) ? fromFile.get(name) : undefined));
    },
    admit,
    settle: () => {
      if (!warned) admit(admission);
    },
    ours: () => [...new Set([...variables.keys(), ...fromFile.keys()])].filter(ours),
    childEnvironment() {
      const child: Record<string, string> = {};
      for (const [name, value] of variables) if (isForChildren(name) && !withheld.has(name)) child[name] = value;
      return child;
    },
  };
}

/** Names, never values; of many the first ones. */
function listed(names: readonly string[]): string {
  const most = 20;
  return names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
}
