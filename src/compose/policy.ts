/** G-7: a service judged by the table, as text before any compose process sees it and again as the host's compose resolved it. */
import type { Where } from '../errors.js';
import type { ComposeFile, Denial, Json, PolicyContext, Resolved, Verdict } from './model.js';
import { POLICY_TABLE, rowOf } from './policy-table.js';
import { judgeEnvFile, judgeTaken } from './rules-files.js';
import {
  canonicalDevice,
  judgeCapAdd,
  judgeDeploy,
  judgeExcepted,
  judgeGroupAdd,
  judgeImage,
  judgeIpc,
  judgeLogging,
  judgeOomScoreAdj,
  judgePorts,
  judgePullPolicy,
  judgeScale,
  judgeSecurityOpt,
  judgeSysctls,
} from './rules-keys.js';
import { judgeNetworkMode, judgeNetworks } from './rules-networks.js';
import { judgeVolumes } from './rules-volumes.js';
import { at, type Bench, deny, type Finding, resolvedSubject, type Subject, textSubject } from './subject.js';
import { member, type Path } from './values.js';

/** Not here: `networks`, judged for every service, since one without it joins `default`; `extends`, of which nothing is left once the file is parsed. */
const CONDITIONAL: Readonly<Record<string, (bench: Bench, value: Json) => void>> = {
  image: judgeImage,
  env_file: judgeEnvFile,
  configs: (bench, value) => judgeTaken(bench, 'configs', value),
  secrets: (bench, value) => judgeTaken(bench, 'secrets', value),
  volumes: (bench, value) => {
    if (value !== null) judgeVolumes(bench, value);
  },
  ports: judgePorts,
  network_mode: judgeNetworkMode,
  cap_add: judgeCapAdd,
  security_opt: judgeSecurityOpt,
  sysctls: judgeSysctls,
  deploy: judgeDeploy,
  scale: judgeScale,
  pull_policy: judgePullPolicy,
  logging: judgeLogging,
  group_add: judgeGroupAdd,
  ipc: judgeIpc,
  oom_score_adj: judgeOomScoreAdj,
};

/**
 * Judges a service's text and what it reaches at the top level. Positions that hold a variable are `open`; every literal is decided.
 * @throws PlatformError PCTL-COMPOSE-NO-SERVICE (3)
 */
export function judgeText(file: ComposeFile, service: string, context: PolicyContext): Verdict {
  const bench = judge(textSubject(file, service), context);
  return verdict(bench, file.place, bench.open.length === 0);
}

/**
 * Judges what the host's compose made of it (`readSkeleton`). `source` gives denials their place in the file.
 */
export function judgeResolved(
  resolved: Resolved,
  context: PolicyContext,
  source?: { readonly file: ComposeFile; readonly service: string },
): Verdict {
  const bench = judge(resolvedSubject(resolved, source?.service ?? ''), context);
  const place = (path: Path): Where => ({
    ...(source ? source.file.place(placeOfSorted(path)) : {}),
    step: 'as resolved on the host',
  });
  return { ...verdict(bench, place, true, TEXT_ONLY), open: [] };
}

/** What both passes say together. Each sees parts that the other does not: an exception that one of them needed matches something. */
export function bothPasses(text: Verdict, resolved: Verdict): Pick<Verdict, 'exceptions' | 'warnings'> {
  const needed = new Map([...text.exceptions, ...resolved.exceptions].map((one) => [matchesNothing(one), one]));
  const warnings = new Set([...text.warnings, ...resolved.warnings]);
  return {
    exceptions: [...needed.values()],
    warnings: [...warnings].filter((warning) => !needed.has(warning)),
  };
}

/** Lists of the resolved document are sorted, so an index there says nothing about the file. */
function placeOfSorted(path: Path): Path {
  const index = path.findIndex((step) => typeof step === 'number');
  return index < 0 ? path : path.slice(0, index);
}

const TEXT_ONLY: ReadonlySet<string> = new Set(POLICY_TABLE.filter((row) => row.textOnly).map((row) => row.rule));

function judge(subject: Subject, context: PolicyContext): Bench {
  const bench: Bench = { subject, context, findings: [], warnings: [], open: [] };
  for (const key of Object.keys(subject.definition)) {
    if (key.startsWith('x-')) continue;
    const value = member(subject.definition, key) ?? null;
    const row = rowOf(key);
    if (!row)
      deny(bench, 'compose_key_unknown', key, at(bench, key), 'platformctl does not know what this key does', false);
    else if (row.verdict === 'denied') deny(bench, row.rule, null, at(bench, key), row.why, false);
    else if (row.verdict === 'excepted') judgeExcepted(bench, row, value);
    else if (row.verdict === 'conditional') CONDITIONAL[key]?.(bench, value);
  }
  judgeNetworks(bench);
  return bench;
}

type Exception = PolicyContext['allow'][number];

/** `complete`: nothing is left open, so an exception that matched nothing will not match later. */
function verdict(
  bench: Bench,
  place: (path: Path) => Where,
  complete: boolean,
  elsewhere: ReadonlySet<string> = new Set(),
): Verdict {
  const { context } = bench;
  const own = context.allow.filter((exception) => exception.module === context.module);
  const used = new Set<Exception>();
  const denials: Denial[] = [];
  for (const finding of bench.findings) {
    const exception = own.find(
      (candidate) => finding.exceptionPossible && isFor(candidate, finding) && !isExpired(candidate, context),
    );
    if (exception) used.add(exception);
    else {
      const { rule, value, why, exceptionPossible } = finding;
      denials.push({ rule, value, where: place(finding.path), why, exceptionPossible });
    }
  }
  const warnings = [...bench.warnings];
  for (const exception of own) {
    if (used.has(exception)) continue;
    if (isExpired(exception, context))
      warnings.push(`the exception ${named(exception)} has expired (${exception.expires})`);
    else if (complete && !elsewhere.has(exception.rule)) warnings.push(matchesNothing(exception));
  }
  return {
    denials: distinct(denials),
    exceptions: [...used].map(({ rule, value, reason }) => ({ rule, value, reason })),
    warnings: [...new Set(warnings)],
    open: [...new Set(bench.open)].sort(),
  };
}

function isFor(exception: Exception, finding: Finding): boolean {
  if (exception.rule !== finding.rule) return false;
  if (finding.value === null || exception.value === null) return finding.value === exception.value;
  return canonicalValue(finding.rule, exception.value) === canonicalValue(finding.rule, finding.value);
}

/** Notations that mean the same value. */
function canonicalValue(rule: string, value: string): string {
  if (rule === 'cap_add') return value.toUpperCase().replace(/^CAP_/, '');
  return rule === 'devices' ? canonicalDevice(value) : value;
}

/** `expires` is the last day on which it counts. */
const isExpired = (exception: Exception, context: PolicyContext): boolean =>
  exception.expires !== null && exception.expires < context.today;

const named = ({ rule, value }: Pick<Exception, 'rule' | 'value'>): string =>
  value === null ? rule : `${rule} ${value}`;

const matchesNothing = (exception: Pick<Exception, 'rule' | 'value'>): string =>
  `the exception ${named(exception)} matches nothing`;

/** The same element mounted twice is one denial. */
function distinct(denials: readonly Denial[]): readonly Denial[] {
  const seen = new Map<string, Denial>();
  for (const denial of denials) {
    const key = JSON.stringify([denial.rule, denial.value, denial.value === null ? denial.where : null]);
    if (!seen.has(key)) seen.set(key, denial);
  }
  return [...seen.values()];
}

/** The line for `policy.compose.allow` of config.yaml that would allow a denial, ready to paste. Only for denials with `exceptionPossible`. */
export function exceptionToPaste(moduleId: string, denial: Pick<Denial, 'rule' | 'value'>): string {
  const value = denial.value === null ? '' : `, value: ${yamlText(denial.value)}`;
  return `- { module: ${yamlText(moduleId)}, rule: ${denial.rule}${value}, reason: "say why" }`;
}

/** Text as YAML would read it back inside of braces: plain where that is safe, else double-quoted. */
function yamlText(text: string): string {
  const plain = /^[A-Za-z/][A-Za-z0-9_./@=+-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain ? text : JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escaped);
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
