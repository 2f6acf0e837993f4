/** `apply`: plans in, what became of each out. Every gate that needs no host is asked for all of them before any host is. */
import { EXIT_INTERRUPTED, EXIT_NO_CHANGES, type ExitCode } from '../exits.js';
import { asksOnTerminal } from '../gate/approval.js';
import { evaluate } from '../gate/evaluate.js';
import { changesAnything } from '../gate/facts.js';
import { gatesExit } from '../gate/verdict.js';
import type { Plan } from '../manifest/types.js';
import type { Report, World } from '../ports.js';
import { type ApplyOptions, type Case, openCases } from './apply-case.js';
import { factsWithoutHost } from './apply-facts.js';
import { asGate, refused, type Underway } from './apply-inside.js';
import { type Line, lineTo } from './apply-line.js';
import { applyOne } from './apply-one.js';
import { inOrder, type Placed, place } from './apply-order.js';
import { timestamp } from './plan-context.js';
import { noteHere } from './record-here.js';
import type { ApplyResult } from './results.js';

/** How a person is asked in mode `self`: shows the plans, returns what was typed. A destructive plan is asked about by itself. */
export interface Ask {
  readonly confirm: (plans: readonly Plan[], destructive: boolean) => Promise<Confirmation>;
}

export type Confirmation = 'yes' | 'module id' | 'declined' | 'no terminal';

/** Results in the order of the plans that were named. @throws PlatformError where there is nothing that could be judged */
export async function applyFlow(
  world: World,
  options: ApplyOptions,
  report: Report,
  ask: Ask,
): Promise<readonly ApplyResult[]> {
  const cases = await openCases(world, options);
  const goesOn = options.keepGoing || options.dryRun;
  const admitted = await admitAll(world, cases, goesOn, report, ask);
  const refusal = admitted.find((one) => one.exit !== EXIT_NO_CHANGES);
  if (refusal && !goesOn) {
    const first = refusedHere(refusal);
    return await Promise.all(
      admitted.map((one) =>
        noted(world, one.open, one.exit === EXIT_NO_CHANGES ? skipped(one, first) : refusedHere(one)),
      ),
    );
  }
  const lines = new Map<string, Line>();
  const lineOf = ({ plan, policy }: Case): Line => {
    const line = lines.get(plan.host) ?? lineTo(world, policy.platform, plan.host);
    lines.set(plan.host, line);
    return line;
  };
  try {
    return await inOrder(admitted, {
      parallel: options.parallel,
      keepGoing: goesOn,
      run: async (one) =>
        noted(
          world,
          one.open,
          one.exit === EXIT_NO_CHANGES ? await applyOne(one.begin(), lineOf(one.open)) : refusedHere(one),
        ),
      good: (result) => GOOD.has(result.outcome),
      skip: (one, cause) => skipped(one, cause),
      interrupted: () => world.interrupted.aborted,
    });
  } finally {
    await Promise.all([...lines.values()].map((line) => line.drop()));
  }
}

/** What lets those go on that depend on it. */
const GOOD: ReadonlySet<ApplyResult['outcome']> = new Set(['applied', 'no_changes', 'would_apply', 'removed']);

/** A plan that was judged without its host. */
interface Admitted extends Placed {
  readonly open: Case;
  readonly verdicts: Underway['verdicts'];
  /** Of the gates; 0: it may go on to its host. */
  readonly exit: ExitCode;
  /** Its time starts here. */
  readonly begin: () => Underway;
}

/** Steps 1 and 2 for all plans; in mode `self` a person is asked once, and for each destructive plan (G-4). Nobody is asked where a refused one stops all. */
async function admitAll(
  world: World,
  cases: readonly Case[],
  goesOn: boolean,
  report: Report,
  ask: Ask,
): Promise<Admitted[]> {
  const judged = new Map<Case, Awaited<ReturnType<typeof judge>>>();
  for (const open of cases) judged.set(open, await judge(world, open, 'pending'));
  const pending = cases.filter((open) => judged.get(open)?.pending);
  if (goesOn || cases.every((open) => judged.get(open)?.exit === EXIT_NO_CHANGES)) {
    const [plain, destructive] = [false, true].map((is) =>
      pending.filter(({ plan }) => plan.destructive.length > 0 === is),
    ) as [Case[], Case[]];
    const groups = [...(plain.length > 0 ? [plain] : []), ...destructive.map((open) => [open])];
    for (const group of groups) {
      const plans = group.map(({ plan }) => plan);
      const typed = await ask.confirm(plans, destructive.includes(group[0] as Case));
      for (const open of group) judged.set(open, await judge(world, open, typed));
    }
  }
  return cases.map((open) => {
    const { verdicts, exit, facts } = judged.get(open) as Awaited<ReturnType<typeof judge>>;
    return {
      ...place(open),
      open,
      verdicts,
      exit,
      begin: () => begin(world, open, report, verdicts, facts.approval.self),
    };
  });
}

/** The gates without the host. `pending`: only a person's answer is missing. */
async function judge(world: World, open: Case, self: Underway['self']) {
  const facts = await factsWithoutHost(world, open, self);
  const verdicts = open.errors.length > 0 ? asGate(evaluate(facts), open.errors) : evaluate(facts);
  const exit = gatesExit(verdicts);
  const pending =
    exit === EXIT_NO_CHANGES &&
    changesAnything(open.plan) &&
    facts.approval.self === 'pending' &&
    asksOnTerminal(open.plan, open.policy.platform) &&
    verdicts.some((one) => one.gate === 'G-4' && one.state === 'not reached');
  return { facts, verdicts, exit, pending };
}

function begin(
  world: World,
  open: Case,
  report: Report,
  verdicts: Underway['verdicts'],
  self: Underway['self'],
): Underway {
  const { plan } = open;
  const since = world.clock.now();
  const gone = { started: false };
  world.begun.push(gone);
  const base: ApplyResult = {
    module: plan.module,
    host: plan.host,
    composeService: plan.service,
    outcome: 'refused',
    message: '',
    runId: null,
    changed: false,
    digest: plan.digest,
    sourceSha: plan.source_sha,
    stateArtifact: null,
    remote: null,
    error: null,
    gates: [],
    log: [],
    notes: [],
    durationSeconds: 0,
    back: null,
    selfApproved: false,
    approvedBy: [],
    hint: null,
    exitCode: EXIT_NO_CHANGES,
  };
  return {
    world,
    open,
    runId: world.clock.uuid(),
    verdicts,
    self,
    gone,
    step: (step, state, detail) =>
      report({ time: timestamp(world.clock.now()), module: plan.module, step, state, detail }),
    end: (members) => ({
      ...base,
      ...members,
      durationSeconds: Math.round((world.clock.now() - since) / 1000),
    }),
  };
}

const refusedHere = ({ begin, verdicts, exit, open }: Admitted): ApplyResult =>
  refused(begin().end, verdicts, exit, open);

/** Not started, because another one failed or a person ended the call. It has the exit of its cause: nothing was changed, and nothing succeeded. */
function skipped({ begin, verdicts }: Admitted, cause: ApplyResult | null): ApplyResult {
  const { end } = begin();
  if (cause === null)
    return end({
      outcome: 'interrupted',
      message: 'interrupted before it was started',
      gates: verdicts,
      exitCode: EXIT_INTERRUPTED,
    });
  const message = cause.outcome === 'skipped' ? cause.message : `${cause.module} came first and was not applied`;
  return end({ outcome: 'skipped', message, gates: verdicts, exitCode: cause.exitCode });
}

/** A line in this machine's chain of what it decided. */
async function noted(world: World, open: Case, result: ApplyResult): Promise<ApplyResult> {
  if (open.options.dryRun || result.outcome === 'no_changes' || result.outcome === 'skipped') return result;
  const warning = await noteHere(world, open.git.root, open, result);
  return warning === null ? result : { ...result, notes: [...result.notes, warning] };
}
