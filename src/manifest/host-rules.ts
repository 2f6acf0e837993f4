/** The rules of config.yaml about hosts: where they are, how they are reached, what lies where on them (G-5, G-6). */
import type { Problem } from '../errors.js';
import { at, entriesAt, finding, type Manifest, type Path, shown, textAt, textsAt } from './findings.js';
import { nearest } from './nearest.js';
import { normalise, sacredReason } from './paths.js';
import { namedPathFlaw, type RepoTree } from './repo-tree.js';

export type Rule = (config: Manifest, tree: RepoTree) => Problem[];

export const hosts = (config: Manifest): string[] => entriesAt(config, ['hosts']).map(([name]) => name);

export const sacredOf = (config: Manifest): string[] =>
  textsAt(config, ['policy', 'sacred_paths']).map(({ text }) => text);

/** Characters that compose, docker or a reader would take for something else in a host path. */
const ODD = /[$`"'\\:*?\s]/;

export function hostPath(config: Manifest, path: Path, code: string): Problem[] {
  const text = textAt(config, path);
  if (text === undefined) return [];
  const name = path.map(String).join('.');
  if (normalise(text) === null)
    return [finding(config, path, code, `${name} must be an absolute path of printable characters`, '/opt/platform')];
  if (ODD.test(text))
    return [finding(config, path, code, `${name} holds a space, quote, colon, $ or wildcard`, 'choose a plain path')];
  return [];
}

const remoteRoots: Rule = (config) => {
  const own = hosts(config).map((name): Path => ['hosts', name, 'remote_root']);
  const problems = [['remote_root'], ...own].flatMap((path) => {
    const flaws = hostPath(config, path, 'PCTL-CONFIG-REMOTE-ROOT');
    const text = textAt(config, path);
    if (flaws.length > 0 || text === undefined) return flaws;
    const reason = sacredReason(text, sacredOf(config));
    return reason
      ? [
          finding(
            config,
            path,
            'PCTL-GATE-SACRED',
            `remote_root ${shown(text)} cannot be used: ${reason}`,
            'a folder of its own, such as /opt/platform',
          ),
        ]
      : [];
  });
  if (at(config, ['remote_root']) !== undefined) return problems;
  const without = hosts(config).filter((name) => at(config, ['hosts', name, 'remote_root']) === undefined);
  return [
    ...problems,
    ...without.map((name) =>
      finding(
        config,
        ['hosts', name],
        'PCTL-CONFIG-REMOTE-ROOT',
        `host ${name} has no remote_root`,
        'set remote_root for the platform or for this host',
      ),
    ),
  ];
};

const repoRoots: Rule = (config, tree) =>
  hosts(config).flatMap((name) => {
    const path: Path = ['hosts', name, 'repo_root'];
    const text = textAt(config, path);
    if (text === undefined || text === '' || text === '.' || text === './') return [];
    const flaw = namedPathFlaw(tree, text, 'repo_root', true);
    // A folder that does not exist yet, or that has links which no manifest names, is nobody's business.
    if (!flaw || flaw.code === 'PCTL-PATH-MISSING' || flaw.message.includes(' in it, ')) return [];
    return [finding(config, path, flaw.code, flaw.message, flaw.hint)];
  });

const reachable: Rule = (config) =>
  hosts(config).flatMap((name) => {
    const path: Path = ['hosts', name];
    const transport = textAt(config, [...path, 'transport']);
    if (transport !== 'ssh' && transport !== 'tailscale') return [];
    const problems: Problem[] = [];
    if (at(config, [...path, 'address']) === undefined) {
      problems.push(finding(config, path, 'PCTL-CONFIG-ADDRESS', `host ${name} has no address`, 'address: NAME'));
    }
    if (textAt(config, [...path, 'user']) === 'root') {
      problems.push(
        finding(
          config,
          [...path, 'user'],
          'PCTL-GATE-HOST',
          `host ${name}: user root is refused`,
          'make an account in group docker; the default name is platform-host-agent',
        ),
      );
    }
    if (at(config, [...path, 'host_key']) === undefined && at(config, [...path, 'known_hosts_file']) === undefined) {
      problems.push(
        finding(
          config,
          path,
          'PCTL-CONFIG-HOST-KEY',
          `host ${name} has neither host_key nor known_hosts_file: nobody could tell it from another`,
          'host_key: the content of /etc/ssh/ssh_host_ed25519_key.pub on the host',
        ),
      );
    }
    return problems;
  });

const jumps: Rule = (config) => {
  const names = new Set(hosts(config));
  const problems: Problem[] = [];
  for (const name of names) {
    for (const { text, path } of textsAt(config, ['hosts', name, 'jump'])) {
      if (!names.has(text)) {
        const close = nearest(text, names);
        problems.push(
          finding(
            config,
            path,
            'PCTL-CONFIG-JUMP',
            `jump host ${shown(text)} is not in hosts`,
            close ? `did you mean ${close}?` : 'add it to hosts',
          ),
        );
      } else if (textAt(config, ['hosts', text, 'transport']) === 'local') {
        problems.push(
          finding(config, path, 'PCTL-CONFIG-JUMP', `jump host ${text} is this machine (transport local)`, 'remove it'),
        );
      } else if (reaches(config, text, name)) {
        problems.push(
          finding(
            config,
            path,
            'PCTL-CONFIG-JUMP',
            `host ${name} is reached through ${text}, which is reached through ${name}`,
            'break the circle',
          ),
        );
      }
    }
  }
  return problems;
};

/** Whether the way to `from` goes through `to`. */
function reaches(config: Manifest, from: string, to: string): boolean {
  const seen = new Set<string>();
  const open = [from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === to) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    open.push(...textsAt(config, ['hosts', name, 'jump']).map(({ text }) => text));
  }
  return false;
}

export const HOST_RULES: readonly Rule[] = [remoteRoots, repoRoots, reachable, jumps];
