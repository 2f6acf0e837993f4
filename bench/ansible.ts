/** A plan against the check mode of Ansible: ten services on one host, of which both say what they would change. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { IDLE, stage } from '../test/accept/stage.js';
import { type Lab, startLab } from '../test/lab/lab.js';
import { BARE, finish } from '../test/lab/process.js';
import { compare, type Row, timed } from './measure.js';

const RUNS = 5;
const ids = Array.from({ length: 10 }, (_, index) => `m${index + 1}`);

/** Ansible with its docker collection in a folder of its own; null where pip cannot bring it. The package `ansible` has the collections in it. */
async function install(folder: string): Promise<string | null> {
  const options = { env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1' }, timeoutMs: 600_000 };
  const made = await finish('python3', ['-m', 'venv', folder], options).catch(() => null);
  if (made?.exit !== 0) return null;
  const got = await finish(`${folder}/bin/pip`, ['install', '--quiet', 'ansible'], options);
  return got.exit === 0 ? `${folder}/bin/ansible-playbook` : null;
}

const inventory = ({ host, client_key }: Lab): string =>
  stringify({
    all: {
      hosts: {
        host1: {
          ansible_host: '127.0.0.1',
          ansible_port: host().port,
          ansible_user: host().user,
          ansible_ssh_private_key_file: client_key,
          ansible_python_interpreter: '/usr/bin/python3',
        },
      },
    },
  });

const playbook = (root: string, project: string): string =>
  stringify([
    {
      hosts: 'all',
      gather_facts: false,
      tasks: [
        {
          'community.docker.docker_compose_v2': {
            project_src: `${root}/{{ item }}`,
            project_name: `${project}-{{ item }}`,
            pull: 'never',
          },
          loop: ids,
        },
      ],
    },
  ]);

export async function ansible(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'platformctl-ansible-'));
  const lab = await startLab();
  const on = await stage(lab);
  try {
    const program = await install(`${folder}/venv`);
    if (program === null) {
      console.error('bench: ansible is left out, `pip install ansible` does not work here');
      return [];
    }
    for (const id of ids) await on.module(id, { compose: { services: { [id]: IDLE } } });
    await on.repo.publish('modules');
    const root = `${on.repo.remoteRoot()}-byhand`;
    await on.onHost(
      lab.host().name,
      `mkdir -p ${root} && cat >${root}/compose.yaml && for m in ${ids.join(' ')}; do mkdir -p ${root}/$m && cp ${root}/compose.yaml ${root}/$m/; done`,
      JSON.stringify({ services: { m: IDLE } }),
    );
    await writeFile(join(folder, 'hosts.yaml'), inventory(lab));
    await writeFile(join(folder, 'play.yaml'), playbook(root, on.repo.id));
    // Its own fast settings: one connection is kept, and modules come over its stdin.
    const env = { ...BARE, HOME: folder, ANSIBLE_HOST_KEY_CHECKING: 'False', ANSIBLE_PIPELINING: 'True' };
    const version = await finish(program, ['--version'], { env });
    const row = await compare(
      {
        what: `\`plan\` over SSH of ${ids.length} modules`,
        baseline: '`ansible-playbook --check`, docker_compose_v2 of the same',
        note: `${/core ([0-9.]+)/.exec(version.stdout)?.[0]}, pipelining on. Its check mode is \`docker compose up --dry-run\`; it looks at no mounted file, and says that something changes, not what.`,
      },
      RUNS,
      () =>
        timed(async () => {
          const { exit, said } = await on.plan(...ids);
          if (exit !== 1) throw new Error(`plan exited ${exit}: ${said.slice(-2000)}`);
        }),
      () =>
        timed(async () => {
          const args = ['--check', '-i', join(folder, 'hosts.yaml'), join(folder, 'play.yaml')];
          const { exit, stdout, stderr } = await finish(program, args, { env });
          if (exit !== 0 || !stdout.includes('changed=1'))
            throw new Error(`ansible exited ${exit}: ${stdout}${stderr}`);
        }),
    );
    await on.onHost(lab.host().name, `rm -rf ${root}`);
    return [row];
  } finally {
    await on.dispose();
    await lab.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
