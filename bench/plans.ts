/** P-5: a plan of 1, 10 and 100 modules on one host, against one raw `ssh` with a shell loop that asks docker for the same. */
import { IDLE, stage } from '../test/accept/stage.js';
import { startLab } from '../test/lab/lab.js';
import { compare, type Row, timed } from './measure.js';

const COUNTS = [1, 10, 100];
const ids = Array.from({ length: Math.max(...COUNTS) }, (_, index) => `m${index + 1}`);

/** The host, then of each module its containers, its definition's hash and itself as resolved, its image and its file. */
const loop = (root: string, project: string, modules: readonly string[]): string => `
docker info --format '{{.ServerVersion}} {{.DockerRootDir}}'
docker compose version --short
for m in ${modules.join(' ')}; do
  cd ${root}/modules/$m
  docker ps -aq --no-trunc --filter label=com.docker.compose.project=${project}-$m
  docker compose -p ${project}-$m --env-file /dev/null config --hash '*'
  docker compose -p ${project}-$m --env-file /dev/null config --format json
  docker image inspect --format '{{.Id}}' lab/busybox:1
  sha256sum compose.yaml
done`;

export async function plans(): Promise<Row[]> {
  const lab = await startLab();
  const on = await stage(lab);
  try {
    for (const id of ids) await on.module(id, { compose: { services: { [id]: IDLE } } });
    await on.repo.publish('modules');
    const root = `${on.repo.remoteRoot()}-byhand`;
    await on.onHost(
      lab.host().name,
      `mkdir -p ${root} && cat >${root}/compose.yaml && for m in ${ids.join(' ')}; do mkdir -p ${root}/modules/$m && cp ${root}/compose.yaml ${root}/modules/$m/; done`,
      JSON.stringify({ services: { m: IDLE } }),
    );
    const rows: Row[] = [];
    for (const count of COUNTS) {
      const some = ids.slice(0, count);
      rows.push(
        await compare(
          {
            what: `\`plan\` over SSH of ${count} modules`,
            baseline: 'one `ssh`, a shell loop over the same docker commands',
          },
          count === 100 ? 3 : 5,
          () =>
            timed(async () => {
              const { exit, said } = await on.plan(...some);
              if (exit !== 1) throw new Error(`plan exited ${exit}: ${said.slice(-2000)}`);
            }),
          () => timed(() => on.onHost(lab.host().name, `set -e; ${loop(root, on.repo.id, some)}`)),
        ),
      );
    }
    await on.onHost(lab.host().name, `rm -rf ${root}`);
    return rows;
  } finally {
    await on.dispose();
    await lab.stop();
  }
}
