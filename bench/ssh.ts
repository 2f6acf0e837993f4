/** Over a real sshd: a plan that finds nothing to do, and an apply, each against one raw `ssh` that runs the docker commands which a person would. */
import { type Lab, startLab } from '../test/lab/lab.js';
import { type ThrowawayRepo, throwawayRepo } from '../test/lab/repo.js';
import { compare, type Row } from './measure.js';

const STABLE_SECONDS = 2;
const COMPOSE = 'modules/web/compose.yaml';

const composeYaml = (round: number): string => `services:
  web:
    image: lab/busybox:1
    command: [sh, -c, "exec httpd -f -p 8080 -h /www"]
    init: true
    stop_grace_period: 1s
    environment: { ROUND: "${round}" }
    volumes: [./www:/www:ro]
`;

const moduleYaml = (project: string): string => `apiVersion: platformctl/v1
kind: Module
metadata: { id: web }
spec:
  host: host1
  runtime: { compose_file: ${COMPOSE}, project: ${project} }
  smoke: { timeout_seconds: 20, stable_seconds: ${STABLE_SECONDS} }
`;

/** What a no-op plan makes docker do on the host: the engine, compose, the containers, the definition's hash and itself as resolved, the image, the files. */
const lookByHand = (root: string, project: string): string => `
cd ${root}/modules/web
docker info --format '{{.ServerVersion}} {{.DockerRootDir}}'
docker compose version --short
docker inspect $(docker ps -aq --no-trunc --filter label=com.docker.compose.project=${project})
docker compose -p ${project} --env-file /dev/null config --hash '*'
docker compose -p ${project} --env-file /dev/null config --format json
docker image inspect --format '{{.Id}}' lab/busybox:1
sha256sum compose.yaml www/index.html`;

async function expectExit(repo: ThrowawayRepo, exit: number, args: string[], phase?: string): Promise<void> {
  const done = await repo.platformctl(args, phase ? { env: { PLATFORMCTL_PHASE: phase } } : {});
  if (done.exit !== exit)
    throw new Error(`platformctl ${args.join(' ')} exited ${done.exit}:\n${done.stdout}${done.stderr}`);
}

/** Seconds of what `action` does. */
async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint();
  await action();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

async function overRealSsh(lab: Lab, repo: ThrowawayRepo): Promise<Row[]> {
  const host = lab.host();
  const project = `bench${repo.id}`;
  const byHand = `byhand${repo.id}`;
  const root = repo.remoteRoot();
  const raw = (command: string, input?: string) => async (): Promise<void> => {
    const { exit, stderr } = await lab.asAgent(host, `set -e; ${command}`, input === undefined ? {} : { input });
    if (exit !== 0) throw new Error(`ssh exited ${exit}: ${stderr}`);
  };
  await repo.write('modules/web/module.yaml', moduleYaml(project));
  await repo.write('modules/web/www/index.html', 'hello\n');
  /** A new definition, planned and approved: what is timed is only the apply. */
  const ready = async (round: number): Promise<void> => {
    await repo.write(COMPOSE, composeYaml(round));
    await repo.publish(`round ${round}`);
    await expectExit(repo, 1, ['plan', 'web']);
    await expectExit(repo, 0, ['approve', 'web']);
  };
  const folder = `${root}/byhand`;
  await raw(`mkdir -p ${folder}/www && echo hello >${folder}/www/index.html`)();
  try {
    const apply = await compare(
      {
        what: '`apply` over SSH, one service recreated',
        baseline: '`ssh HOST docker compose up -d` of the same service',
        note: `${STABLE_SECONDS} s of the apply are the smoke's stable time (\`stable_seconds: ${STABLE_SECONDS}\`; the default is 30, with a healthcheck 10). It is not subtracted. The raw command returns before it is known whether the service stays up.`,
      },
      5,
      async (round) => {
        await ready(round);
        return timed(() => expectExit(repo, 9, ['apply', 'web'], '05'));
      },
      async (round) => {
        await raw(`cat >${folder}/compose.yaml`, composeYaml(round))();
        return timed(raw(`cd ${folder} && docker compose -p ${byHand} up -d`));
      },
    );
    const plan = await compare(
      {
        what: '`plan` over SSH, nothing to change',
        baseline: 'one `ssh` that runs the same docker commands',
      },
      9,
      () => timed(() => expectExit(repo, 0, ['plan', 'web'])),
      () => timed(raw(lookByHand(root, project))),
    );
    return [plan, apply];
  } finally {
    await raw(`cd ${folder} && docker compose -p ${byHand} down -t 1`)();
    await raw(`cd ${root}/modules/web && docker compose -p ${project} down -t 1`)();
  }
}

export async function ssh(): Promise<Row[]> {
  const lab = await startLab();
  try {
    const repo = await throwawayRepo(lab);
    try {
      return await overRealSsh(lab, repo);
    } finally {
      await repo.dispose();
    }
  } finally {
    await lab.stop();
  }
}
