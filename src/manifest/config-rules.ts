/** What the schema cannot say about .platform/config.yaml (G-4, G-5, G-6, M-6, M-11): each rule looks at one thing and names its place. */
import type { Problem } from '../errors.js';
import { finding, listAt, type Manifest, numberAt, type Path, shown, textAt, textsAt } from './findings.js';
import { HOST_RULES, hostPath, hosts, type Rule, sacredOf } from './host-rules.js';
import { isBeneath, normalise, sacredReason } from './paths.js';
import type { RepoTree } from './repo-tree.js';

export function checkConfig(config: Manifest, tree: RepoTree): Problem[] {
  return RULES.flatMap((rule) => rule(config, tree));
}

const approval: Rule = (config) => {
  const problems: Problem[] = [];
  const modes = listAt(config, ['approval', 'mode']);
  if (modes.length > 1 && modes.includes('self')) {
    problems.push(
      finding(
        config,
        ['approval', 'mode'],
        'PCTL-APPROVAL-SELF',
        'self beside another mode would void the other',
        'write one of them alone',
      ),
    );
  }
  const approvers = textsAt(config, ['approval', 'approvers']);
  const seen = new Set<string>();
  for (const { text, path } of approvers) {
    if (seen.has(text.toLowerCase()))
      problems.push(
        finding(config, path, 'PCTL-APPROVAL-APPROVERS', `${shown(text)} stands twice in approvers`, 'keep one'),
      );
    seen.add(text.toLowerCase());
  }
  const required = numberAt(config, ['approval', 'required']) ?? 1;
  if (approvers.length > 0 && required > seen.size) {
    problems.push(
      finding(
        config,
        ['approval', 'required'],
        'PCTL-APPROVAL-REQUIRED',
        `${required} approvals are required and only ${seen.size} approvers count: nothing could ever be approved`,
        'name more approvers',
      ),
    );
  }
  return problems;
};

const bindRoots: Rule = (config) =>
  textsAt(config, ['policy', 'bind_roots']).flatMap(({ text, path }) => {
    const flaws = hostPath(config, path, 'PCTL-CONFIG-BIND-ROOT');
    if (flaws.length > 0) return flaws;
    const clean = normalise(text) ?? '/';
    const root = [[], ...hosts(config).map((name) => ['hosts', name])]
      .map((prefix) => normalise(textAt(config, [...prefix, 'remote_root']) ?? ''))
      .find((remote) => remote !== null && isBeneath(remote, clean));
    const reason = sacredReason(text, sacredOf(config)) ?? (root ? `${root}/.platform lies beneath it` : null);
    return reason
      ? [
          finding(
            config,
            path,
            'PCTL-GATE-SACRED',
            `bind root ${shown(text)} cannot be used: ${reason}`,
            'name the folder that services need, not one above it',
          ),
        ]
      : [];
  });

const sacredPaths: Rule = (config) =>
  textsAt(config, ['policy', 'sacred_paths']).flatMap(({ text, path }) =>
    normalise(text) === null
      ? [
          finding(
            config,
            path,
            'PCTL-CONFIG-SACRED',
            `sacred path ${shown(text)} must be an absolute path of printable characters`,
            '/srv/backup',
          ),
        ]
      : [],
  );

const expiry: Rule = (config) =>
  listAt(config, ['policy', 'compose', 'allow']).flatMap((_, index) => {
    const path: Path = ['policy', 'compose', 'allow', index, 'expires'];
    const text = textAt(config, path);
    if (text === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(text) || isDate(text)) return [];
    return [finding(config, path, 'PCTL-CONFIG-EXPIRES', `there is no day ${text}`, 'YYYY-MM-DD')];
  });

/** Whether YYYY-MM-DD is a day of the calendar. */
function isDate(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** Names that no env file may set (M-6). */
export const NEVER_FROM_ENV_FILE = /^(PATH$|HOME$|PLATFORMCTL_PHASE$|LD_|SSH_|GIT_|DOCKER_|NODE_|PYTHON)/;

const environment: Rule = (config) =>
  [...textsAt(config, ['env_file', 'names']), ...textsAt(config, ['env_file', 'prefixes'])].flatMap(({ text, path }) =>
    NEVER_FROM_ENV_FILE.test(text)
      ? [
          finding(
            config,
            path,
            'PCTL-CONFIG-ENV',
            `${shown(text)} is never taken from an env file`,
            'remove it; set it in the environment itself',
          ),
        ]
      : [],
  );

const protectedRef: Rule = (config) => {
  const text = textAt(config, ['protected_ref']);
  const bad = text !== undefined && /\.\.|\/\/|\/$|\.$|\.lock(\/|$)|\/\.|^refs\//.test(text);
  return bad
    ? [
        finding(
          config,
          ['protected_ref'],
          'PCTL-CONFIG-REF',
          `protected_ref ${shown(text)} is no name of a branch`,
          'main',
        ),
      ]
    : [];
};

const RULES: readonly Rule[] = [...HOST_RULES, approval, bindRoots, sacredPaths, expiry, environment, protectedRef];
