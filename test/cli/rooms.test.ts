/** An uncaught error in any room, or behind any port, ends 2: Node's own 1 would mean "changes" (7-cli), and nothing of its message leaves (O-6). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { planBytes } from '../../src/plan/artifact.js';
import { makePlan } from '../gate/facts.js';
import { makeRepo, type Repo } from '../manifest/repo.js';
import { CONFIG } from '../manifest/samples.js';
import { runId, SHA } from '../record/samples.js';
import { hearing, said } from './said.js';

const SECRET = 'token=abcdef99 of a command line';
const bug = (): never => {
  throw new TypeError(SECRET);
};

/** A module of src/, and what of it fails. */
type Broken = readonly [module: string, name: string | readonly string[], instead?: unknown];

/** A port whose every method fails. */
const brokenPort = (): unknown => new Proxy({}, { get: () => bug });
/** A host that tells of one run, and of no lock. */
const RUN = `${runId(1)} web\nstart started 0 100 -\nend applied 9 130 healthy\n{"source_sha":"${SHA}"}\n\n`;
const answer = (text: string): string => `0 ${text.length} 0\n${text}`;
const host = (...answers: string[]) => ({
  name: 'one',
  run: async () => ({
    stdout: Buffer.from(`platformctl 1\n${answers.map(answer).join('')}`),
    stderr: Buffer.of(),
    code: 0,
  }),
  close: async () => undefined,
});
const HOST: Broken = ['adapters/ssh/connect', 'createConnect', () => async () => host('', RUN, '')];
const NO_HOST: Broken = ['adapters/ssh/connect', 'createConnect', () => bug];

const CASES: readonly (readonly [room: string, argv: readonly string[], broken: readonly Broken[]])[] = [
  ['program', ['validate'], [['program', 'buildProgram']]],
  ['wiring', ['validate'], [['wiring', 'wire']]],
  ['commands', ['validate'], [['commands/validate', 'run']]],
  ['flows', ['validate'], [['flows/validate', 'validateFlow']]],
  ['views', ['runs'], [HOST, ['views/runs', ['runsText', 'runsJson']]]],
  ['manifest', ['validate'], [['manifest/load', 'readManifests']]],
  ['manifest, while a commit is read', ['plan', '--offline', '--sha', 'HEAD'], [['manifest/load', 'readManifests']]],
  ['compose', ['validate'], [['compose/file', 'parseCompose']]],
  ['compose, of one module', ['plan', '--offline'], [['compose/policy', 'judgeText']]],
  ['plan', ['plan', '--offline'], [['plan/files', 'wantedFiles']]],
  ['plan, while it is made', ['plan', '--offline'], [['plan/make', 'makePlan']]],
  ['gate', ['validate'], [['gate/allowed-signers', 'parseAllowedSigners']]],
  ['gate, of an approval', ['explain-approval', 'web'], [['gate/approval', 'judgeApproval']]],
  ['gate, of an apply', ['apply', 'web'], [HOST, ['gate/evaluate', 'evaluate']]],
  ['state', ['audit', 'verify'], [['state/audit', 'checkChain']]],
  ['execute', ['status'], [HOST, ['execute/converse', 'overRun']]],
  ['execute, of the locks', ['lock', 'list'], [HOST, ['execute/answers', 'readHeld']]],
  ['record', ['runs'], [HOST, ['record/runs', 'readRuns']]],
  ['verify', ['runs'], [HOST, ['verify/words', 'whyWords']]],
  ['secret', ['validate'], [['secret/patterns', 'namesSecret']]],
  ['port Terminal', ['validate'], [['adapters/terminal/terminal', 'createTerminal']]],
  ['port Signer', ['approve', 'web', '--key', 'k'], [['adapters/signer/signer', 'createSigner', brokenPort]]],
  ['port Git', ['validate'], [['adapters/git/git', 'openGit', async () => brokenPort()]]],
  ['port WorkTree', ['validate'], [['adapters/git/listing', 'workTree', brokenPort]]],
  ['port Files', ['show', 'web'], [['adapters/files/files', 'createFiles', brokenPort]]],
  ['port Clock', ['plan', '--offline'], [['adapters/clock/clock', 'createClock', brokenPort]]],
  ['port Environment', ['validate'], [['adapters/environment/environment', 'environmentOf']]],
  ...[
    ['plan'],
    ['plan', 'web', '--remove'],
    ['rollback', 'web'],
    ['status'],
    ['drift'],
    ['runs'],
    ['logs', 'web'],
    ['lock', 'list'],
    ['doctor'],
    ['host', 'check'],
    ['import', 'one'],
    ['audit', 'verify', '--host', 'one'],
  ].map((argv) => [`port Connect, ${argv.join(' ')}`, argv, [NO_HOST]] as const),
];

let repo: Repo;
beforeAll(() => {
  repo = makeRepo({
    '.gitignore': '.platform/state\n',
    '.platform/config.yaml': CONFIG.replace(/ {2}two: .*\n/, 'protected_ref: main\n'),
    '.platform/allowed_signers': `bob@example.net ssh-ed25519 ${'A'.repeat(68)}\n`,
  });
  const sha = repo.commit();
  repo.write({ '.platform/state/plans/web.plan.json': '' });
  const plan = makePlan({ source_sha: sha, policy: { ref: 'main', sha, digest: '2'.repeat(64) } });
  writeFileSync(join(repo.root, '.platform/state/plans/web.plan.json'), planBytes(plan));
  writeFileSync(join(repo.root, '.platform/state/audit.jsonl'), '{}\n');
});
afterAll(() => repo.remove());
hearing();
beforeEach(() => {
  vi.resetModules();
  vi.stubEnv('PLATFORMCTL_PHASE', '05');
  vi.stubEnv('PLATFORMCTL_FORGE_TOKEN', 'a-token-of-a-forge');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** The real main over the real wiring, with one function of it failing. */
async function call(argv: readonly string[], broken: readonly Broken[]): Promise<number> {
  for (const [module, name, instead] of broken) {
    const path = `../../src/${module}.js`;
    const real = await vi.importActual<Record<string, unknown>>(path);
    expect(Object.keys(real), `${module} has no ${name}`).toEqual(expect.arrayContaining([name].flat()));
    const failing = Object.fromEntries([name].flat().map((one) => [one, instead ?? bug]));
    vi.doMock(path, () => ({ ...real, ...failing }));
  }
  try {
    const { main } = await import('../../src/main.js');
    return await main(['-C', repo.root, ...argv]);
  } finally {
    for (const [module] of broken) vi.doUnmock(`../../src/${module}.js`);
  }
}

const follows = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync('schemas/error.schema.json', 'utf8')));

describe.each(CASES)('%s', (_, argv, broken) => {
  it('2, a line for people and no stack', async () => {
    const exit = await call(argv, broken);
    expect(`${said.out}${said.err}`).not.toMatch(/ {4}at |abcdef99|command line/);
    expect(said.err).toContain('PCTL-INTERNAL');
    expect(said.err).toContain('why   TypeError');
    expect([exit, said.out]).toEqual([2, '']);
  });

  it('--json: 2, one document on stdout', async () => {
    const exit = await call([...argv, '--json'], broken);
    expect(`${said.out}${said.err}`).not.toMatch(/ {4}at |abcdef99|command line/);
    const document = JSON.parse(said.out);
    expect(follows(document), JSON.stringify(follows.errors)).toBe(true);
    expect(document).toMatchObject({ exitCode: 2, error: { code: 'PCTL-INTERNAL', why: 'TypeError' } });
    expect(exit).toBe(2);
  });
});
