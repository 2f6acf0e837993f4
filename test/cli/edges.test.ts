/** The edges of single commands, as main runs them in a real repo without any host. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, describe, expect, it } from 'vitest';
import { main } from '../../src/main.js';
import { makeRepo, type Repo } from '../manifest/repo.js';
import { type Changes, CONFIG, moduleText } from '../manifest/samples.js';
import { hearing, said } from './said.js';

let repo: Repo | undefined;
hearing();
afterEach(() => repo?.remove());

/** Runs one command in a committed repo. */
async function run(args: readonly string[], changes: Changes = {}): Promise<number> {
  repo?.remove();
  repo = makeRepo(changes);
  repo.commit();
  return main(['-C', repo.root, ...args]);
}

const schemaOf = (name: string) => JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8'));

describe('--version wherever it stands', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  it.each([[['--version']], [['-C', '/', '--version']], [['--version', '--no-color']], [['plan', '--version']]])(
    '%j',
    async (argv) => {
      expect([await main(argv), said.out, said.err]).toEqual([0, `${version}\n`, '']);
    },
  );

  it('C-1 as a document', async () => {
    expect(await main(['--json', '--version'])).toBe(0);
    expect(JSON.parse(said.out)).toEqual({ schema_version: '1.0', exitCode: 0, version });
  });
});

describe('C-1 documents', () => {
  it.each([
    ['config-output', ['config', 'view'], 0],
    ['config-output', ['config', 'view', '--json'], 0],
    ['version-output', ['version', '--json'], 0],
    ['init', ['init', '--solo', '--json'], 0],
  ])('%s follows its schema', async (schema, args, exit) => {
    expect(await run(args)).toBe(exit);
    const data = JSON.parse(said.out);
    const ajv = new Ajv2020({ strict: false });
    expect([ajv.validate(schemaOf(schema), data), ajv.errors]).toEqual([true, null]);
    expect(data.exitCode).toBe(exit);
  });

  it.each([[['validate']], [['plan', '--offline']], [['config', 'view']], [['version']], [['init', '--solo']]])(
    '--json-lines of %j: its last line is the document',
    async (args) => {
      const exit = await run([...args, '--json-lines']);
      const lines = said.out.trimEnd().split('\n');
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0] as string)).toMatchObject({ schema_version: '1.0', exitCode: exit });
    },
  );
});

describe('O-5 names of files are text from outside', () => {
  const NAME = 'a\u001b[31m\u0007\n::set-output name=x::y\u202e\u009b';
  const hostile: Changes = { [`modules/${NAME}/module.yml`]: 'x', [`modules/b${NAME}/module.yaml`]: 'kind: X\n' };
  const ACTS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|^::/m;

  it.each([[['validate']], [['plan', '--offline']]])('%j shows them escaped', async (args) => {
    expect(await run(args, hostile)).toBe(3);
    expect(said.out + said.err).not.toMatch(ACTS);
    expect(said.out).toContain('\\x1b[31m');
  });

  it('and JSON has them whole, with nothing in its bytes that acts', async () => {
    expect(await run(['validate', '--json'], hostile)).toBe(3);
    expect(said.out).not.toMatch(ACTS);
    expect(JSON.parse(said.out).problems[0].file).toBe(`modules/${NAME}/module.yml`);
  });
});

describe('P-1 plan --out -', () => {
  it('gives the bytes of the plans, which no masking may change, and tells on stderr what could not be planned', async () => {
    const exit = await run(['plan', '--offline', '--out', '-'], {
      'compose/web.yaml': 'services: { web: { image: "registry.example/token-server:1.2" } }\n',
      'modules/bad/module.yaml': moduleText('bad', '', 'compose/nowhere.yaml'),
    });
    expect(exit).toBe(3);
    const lines = said.out.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] as string).image.reference).toBe('registry.example/token-server:1.2');
    expect(said.err).toContain('compose/nowhere.yaml');
    expect(said.err).toContain('(exit 3)');
  });

  it('a plan written so is one that can be read again', async () => {
    await run(['plan', '--offline', '--out', '-'], {
      'compose/web.yaml': 'services: { web: { image: "registry.example/token-server:1.2" } }\n',
    });
    const { parsePlan } = await import('../../src/plan/artifact.js');
    expect(parsePlan(new TextEncoder().encode(said.out), 'plan').module).toBe('web');
  });
});

describe('M-4 what the commit has is delivered', () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 5\n`;
  const compose = 'services: { web: { image: "a:1", volumes: ["./web.conf:/etc/web.conf"] } }\n';

  it('a pointer of git-lfs is no file to deliver: 3, at its place, and only for the module that needs it', async () => {
    const exit = await run(['plan', '--offline', '--json'], {
      'compose/web.yaml': compose,
      'compose/web.conf': pointer,
      'modules/other/module.yaml': moduleText('other', '', 'compose/other.yaml'),
      'compose/other.yaml': 'services: { other: { image: "a:1" } }\n',
    });
    expect(exit).toBe(3);
    const { errors, plans } = JSON.parse(said.out);
    expect(errors).toMatchObject([{ module: 'web', code: 'PCTL-FILE-LFS', where: { file: 'compose/web.conf' } }]);
    expect(errors[0].hint).toContain('git lfs untrack');
    expect(plans).toHaveLength(1);
  });

  it.each([
    ['a text about it', `# ${pointer}`],
    ['one that is longer than a pointer', pointer + '#'.repeat(1024)],
  ])('%s is one', async (_, conf) => {
    expect(await run(['plan', '--offline'], { 'compose/web.yaml': compose, 'compose/web.conf': conf })).toBe(1);
  });
});

describe('X-4 no plan at all is 2', () => {
  it.each([[['apply', 'nothing']], [['approve', 'nothing']], [['show', 'nothing']], [['explain-approval', 'nothing']]])(
    '%j',
    async (args) => {
      expect(await run(args)).toBe(2);
      expect(said.err).toContain('PCTL-PLAN-NOT-FOUND');
      expect(said.err).toContain('hint: platformctl plan nothing');
    },
  );
});

describe('M-6 --env-file', () => {
  const env = { '.env': 'OPENAI_KEY=sk-1\nDATABASE_URL=pg\nOTHER=x\nPLATFORMCTL_FORGE_TOKEN=hunter2hunter2\n' };

  it("what the policy's config.yaml admits is not among the skipped keys, which are named once", async () => {
    const config = `${CONFIG}env_file: { prefixes: [OPENAI_], names: [DATABASE_URL] }\n`;
    await run(['plan', '--offline', '--env-file', '.env'], { ...env, '.platform/config.yaml': config });
    expect(said.err).toContain('warning: .env: skipped OTHER: only PLATFORMCTL_*');
    expect(said.err.match(/skipped/g)).toHaveLength(1);
  });

  it('a work tree that admits more than the policy admits nothing', async () => {
    repo?.remove();
    repo = makeRepo(env);
    repo.commit();
    repo.write({ '.platform/config.yaml': `${CONFIG}env_file: { prefixes: [OPENAI_, OTHER] }\n` });
    await main(['-C', repo.root, 'plan', '--offline', '--env-file', '.env']);
    expect(said.err).toContain('skipped DATABASE_URL, OPENAI_KEY, OTHER:');
  });

  it('a command that reads no policy names all of them', async () => {
    expect(await run(['validate', '--env-file', '.env'], env)).toBe(0);
    expect(said.err).toContain('skipped DATABASE_URL, OPENAI_KEY, OTHER:');
  });

  it('O-2 a secret of the file is masked in whatever is printed', async () => {
    await run(['show', 'hunter2hunter2', '--env-file', '.env'], env);
    expect(said.err).toContain('no plan is kept for ***');
  });
});
