# `import`: what compose made on this host, and the files that its compose files name. It reads, and changes nothing. Constant text; values come as
# arguments and input.
# Run as: sh -c 'eval "$1"' platformctl TEXT ROOT MAX. Input: lines `containers`, `look PATH`, `read PATH` (PATH beneath ROOT), then its end.
# Output: `root PATH`, with links followed; then for `containers` a line of JSON each and `.`; for a path `KIND MODE SIZE`, and behind it, of a `file` that
# was to be read, its bytes as base64. The line `done` ends it: without it the answer is not whole.
set -u
umask 077
export LC_ALL=C
ROOT=$2 MAX=$3

docker_() {
  timeout -s KILL 60 env -i PATH="$PATH" HOME="${HOME:-/}" ${DOCKER_CONFIG:+"DOCKER_CONFIG=$DOCKER_CONFIG"} docker "$@" </dev/null
}

#include paths.sh

# shellcheck disable=SC2034 # containers.sh reads it
CONTAINER='[{{json .Id}},{{json (index .Config.Labels "com.docker.compose.project")}},{{json (index .Config.Labels "com.docker.compose.service")}},{{json (index .Config.Labels "com.docker.compose.project.config_files")}},{{json (index .Config.Labels "com.docker.compose.project.working_dir")}},{{json (index .Config.Labels "com.docker.compose.project.environment_file")}},{{json .State.Status}},{{json .State.ExitCode}},{{json .Config.Image}}]'

#include containers.sh

# `outside`: a folder in between leads out of ROOT (G-5). `hidden`: in a folder that the agent may not enter. `private`: not for everybody on this host, so
# its bytes stay here.
look() {
  f=$ROOT/$1 at=$(parent "$ROOT/$1")
  case $at/ in "$REAL"/*) ;; *) printf 'outside - -'; return 1 ;; esac
  if [ -L "$f" ]; then printf 'symlink - -'
  elif [ ! -x "$at" ]; then printf 'hidden - -'
  elif [ ! -e "$f" ]; then printf 'absent - -'
  elif [ -d "$f" ]; then printf 'folder - -'
  elif [ ! -f "$f" ]; then printf 'other - -'
  else
    seen=$(stat -c '%a %s' -- "$f") || return 1
    mode=${seen%% *} size=${seen#* }
    if [ ! -r "$f" ]; then kind=unreadable
    elif [ "$size" -gt "$MAX" ]; then kind=large
    else case $mode in *[4567]) kind="file" ;; *) kind=private ;; esac; fi
    printf '%s %s %s' "$kind" "$mode" "$size"
    [ "$kind" = "file" ]
    return
  fi
  return 1
}

REAL=$(cd -P -- "$ROOT" 2>/dev/null && pwd -P) || { printf 'root -\n'; exit 0; }
printf 'root %s\n' "$REAL"
while IFS=' ' read -r word path; do
  case $word in
    containers) described com.docker.compose.project && printf '.\n' || exit 21 ;;
    look) look "$path"; printf '\n' ;;
    read)
      # One byte more than may be read: so a file that grew is seen.
      if look "$path"; then printf ' ' && head -c $((MAX + 1)) <"$ROOT/$path" | base64 | tr -d '\n'; fi
      printf '\n'
      ;;
  esac
done
printf 'done\n'
