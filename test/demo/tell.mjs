/** Tells the demo: what is about to happen, each command as one would type it, what it really says, and whether that was expected. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PLATFORMCTL = fileURLToPath(new URL('../../bin/platformctl.js', import.meta.url));
const LIMIT_MS = 120_000;

/** `directory` and `env` are platformctl's. */
export function teller({ directory, env }) {
  const checks = [];
  const out = (text) => process.stdout.write(text);
  const check = (what, wanted, got, detail = '') => {
    const ok = wanted === got;
    checks.push({ what, wanted, got, ok });
    if (!ok) out(`NOT AS EXPECTED: ${what}: expected ${wanted}, got ${got}${detail}\n`);
    return ok;
  };

  /** Prints and runs a command; its output, stdout and stderr as they come. */
  function platformctl(typed, wanted, { phase, says = [] } = {}) {
    out(`\n$ ${phase ? `PLATFORMCTL_PHASE=${phase} ` : ''}platformctl ${typed}\n`);
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [PLATFORMCTL, ...typed.split(' ')], {
        cwd: directory,
        env: { ...env, ...(phase ? { PLATFORMCTL_PHASE: phase } : {}) },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: LIMIT_MS,
      });
      let text = '';
      const heard = (bytes) => {
        text += bytes;
        out(`${bytes}`);
      };
      child.stdout.on('data', heard);
      child.stderr.on('data', heard);
      child.on('close', (code, signal) => {
        check(`platformctl ${typed}`, wanted, code ?? signal);
        for (const word of says) check(`platformctl ${typed}: says "${word}"`, true, text.includes(word));
        resolve(text);
      });
    });
  }

  return {
    checks,
    check,
    platformctl,
    say: (text) => out(`${text}\n`),
    title: (text) => out(`\n\n== ${text}\n`),
    /** What somebody did who is not platformctl. */
    did: (who, what) => out(`\n# ${who} ${what}\n`),
    show: (text) => out(text.replace(/^(?=.)/gm, '    ')),
  };
}
