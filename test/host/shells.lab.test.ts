/** The host side needs nothing but POSIX sh, coreutils and util-linux: the whole chain, roll back included, under each shell that hosts have. */
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { finish } from '../lab/process.js';
import { throwawayRepo } from '../lab/repo.js';
import { sharedLab } from '../lab/shared.js';

const lab = sharedLab();

/** A folder whose `sh` is that shell: the local transport starts `sh` from PATH, and finish.sh is started the same way. */
async function folderOf(shell: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'platformctl-sh-'));
  const { stdout } = await finish('sh', ['-c', `command -v ${shell}`]);
  await symlink(stdout.trim(), join(folder, 'sh'));
  return folder;
}

describe.each(['dash', 'bash', 'busybox'])('X-1, B-1 over transport local with %s as sh', (shell) => {
  it('plans, applies, sees nothing to do, and puts back what a bad change broke', async () => {
    const folder = await folderOf(shell);
    const repo = await throwawayRepo(lab, {});
    const project = `sh${repo.id}`;
    const root = join(lab.host().remote_root, `local-${repo.id}`);
    const config = (await readFile(join(repo.dir, '.platform/config.yaml'), 'utf8')).replace(
      /^hosts:\n[\s\S]*?(?=^approval:)/m,
      `hosts:\n  here: { transport: local, remote_root: ${root} }\n`,
    );
    const compose = (command: string, restart: string): string =>
      `services:\n  web:\n    image: lab/busybox:1\n    command: ${command}\n    init: true\n    restart: ${restart}\n    stop_grace_period: 1s\n    volumes: ["./page:/www:ro", "./data:/data"]\n`;
    await repo.write('.platform/config.yaml', config);
    await repo.write(
      'modules/web/module.yaml',
      `apiVersion: platformctl/v1\nkind: Module\nmetadata: { id: web, description: a page, owner: tests }\nspec:\n  host: here\n  runtime: { orchestrator: docker-compose, compose_file: modules/web/compose.yaml, project: ${project} }\n  smoke: { stable_seconds: 1, timeout_seconds: 20 }\n`,
    );
    await repo.write('modules/web/compose.yaml', compose('["httpd", "-f", "-p", "80", "-h", "/www"]', '"no"'));
    await repo.write('modules/web/page/a file.html', 'one\n');
    await repo.publish('first');
    await mkdir(join(repo.dir, '../home/.docker/cli-plugins'), { recursive: true });
    await symlink(lab.compose['2.26'], join(repo.dir, '../home/.docker/cli-plugins/docker-compose'));
    const env = { PATH: `${folder}:${process.env.PATH}`, PLATFORMCTL_PHASE: '05' };
    const run = async (...args: string[]) => {
      const done = await repo.platformctl(args, { env });
      return { exit: done.exit, said: `${done.stdout}${done.stderr}` };
    };
    const ship = async () => {
      const planned = await run('plan', 'web');
      expect(planned.exit, planned.said).toBe(1);
      const signed = await run('approve', 'web');
      expect(signed.exit, signed.said).toBe(0);
      return run('apply', 'web');
    };
    try {
      const first = await ship();
      expect(first.exit, first.said).toBe(9);
      const again = await run('plan', 'web');
      expect(again.exit, again.said).toBe(0);
      const read = () => lab.docker('exec', `${project}-web-1`, 'cat', '/www/a file.html');
      expect(await read()).toBe('one');

      await repo.write('modules/web/page/a file.html', 'two\n');
      await repo.write('modules/web/compose.yaml', compose('["sh", "-c", "exit 3"]', '"no"'));
      await repo.publish('broken');
      const broken = await ship();
      expect(broken.exit, broken.said).toBe(11);
      expect(broken.said).toContain('exited with code 3');
      expect(await read()).toBe('one');
      const audit = await run('audit', 'verify', '--host', 'here');
      expect(audit.exit, audit.said).toBe(0);
    } finally {
      await lab.docker('rm', '-f', `${project}-web-1`).catch(() => undefined);
      await lab.docker('network', 'rm', `${project}_default`).catch(() => undefined);
      await rm(root, { recursive: true, force: true });
      await rm(folder, { recursive: true, force: true });
      await repo.dispose();
    }
  });
});
