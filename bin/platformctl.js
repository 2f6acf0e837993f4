#!/usr/bin/env sh
':' //; exec node -- "$0" "$@"

// The line above is the shell's: node reads an `--env-file` of its own anywhere behind a script's name, NODE_OPTIONS in it included, and only `--` ends that.
let main;
try {
  ({ main } = await import('../dist/main.js'));
} catch (error) {
  process.exitCode = 2;
  process.stderr.write(
    `error: platformctl is not whole: ${error.message}\nhint: install it again; in a checkout, npm ci && npm run build\n`,
  );
}
if (main) process.exitCode = await main(process.argv.slice(2));
