# `host check` (C-7): tests what it claims by doing it, changes nothing that stays. Constant text; values come as arguments and input.
# Run as: sh -c 'eval "$1"' platformctl TEXT ROOT. Input: lines `file PATH`, `hostfile PATH`, `dotenv PATH`, each beneath ROOT, then its end.
# Output: lines of words; a path, where there is one, comes last. The line `done` ends it: without it the answer is not whole.
set -u
umask 077
export LC_ALL=C
ROOT=$2
P=$ROOT/.platform
MADE=''

say() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

bound() { # SECONDS COMMAND...
  if have timeout; then timeout "$@"; else
    shift
    "$@"
  fi
}

docker_() {
  bound 10 env -i PATH="$PATH" HOME="${HOME:-/}" ${DOCKER_CONFIG:+"DOCKER_CONFIG=$DOCKER_CONFIG"} docker "$@" </dev/null
}

works() { # NAME COMMAND...: `tool NAME yes` where the command runs
  name=$1
  shift
  if "$@" </dev/null >/dev/null 2>&1; then say tool "$name" yes; else say tool "$name" no; fi
}

# The nearest folder that is there, upwards of a path.
nearest() {
  d=$1
  while [ ! -d "$d" ]; do d=${d%/*} && [ -n "$d" ] || d=/; done
  printf '%s' "$d"
}

engine() {
  if ! have docker; then say docker missing; return; fi
  # stderr alone, since a client that cannot talk to the engine still prints its own version.
  error=$(docker_ version --format '{{.Server.Version}}' 2>&1 >/dev/null)
  case $? in
    0) say docker ok "$(docker_ version --format '{{.Server.Version}}' 2>/dev/null)" ;;
    124 | 143) say docker silent ;;
    *) case $error in *"ermission denied"*) say docker denied ;; *) say docker failed ;; esac ;;
  esac
  say compose "$(docker_ compose version --short 2>/dev/null || printf missing)"
}

tools() {
  works setsid setsid true
  works timeout timeout 5 true
  works sha256sum sha256sum
  works readlink readlink -f /
  works stat stat -c %a /
  works dd dd if=/dev/null of=/dev/null bs=1 count=1 iflag=fullblock
  if have curl && curl --version >/dev/null 2>&1; then say http curl
  elif have wget && wget --version >/dev/null 2>&1; then say http wget
  elif have busybox; then say http nc
  else say http none; fi
}

root() {
  if [ -L "$P" ]; then say root symlink; return; fi
  if [ ! -d "$ROOT" ]; then
    d=$(nearest "$ROOT")
    if [ -w "$d" ] && [ -x "$d" ]; then say root absent; else say root impossible "$d"; fi
    return
  fi
  if [ ! -d "$P" ]; then
    mkdir "$P" 2>/dev/null || { say root unwritable "$ROOT"; return; }
    MADE=$P
  fi
  if mkdir "$P/check.$$" 2>/dev/null && : >"$P/check.$$/file" && sync "$P/check.$$/file" 2>/dev/null; then
    say root ok
    works flock flock -n -E 75 "$P/check.$$/file" true
    works truncate truncate -s 0 "$P/check.$$/file"
  else
    say root unwritable "$P"
  fi
  [ ! -e "$ROOT/.git" ] || say worktree yes
}

disk() {
  bound 10 df -Pk "$(nearest "$ROOT")" 2>/dev/null | {
    read -r _ && read -r _ _ _ free _ && say disk "$free"
  }
}

# A session manager that ends what a user leaves behind would end a run when the connection is lost (X-5).
session() {
  answer=$(bound 5 busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager KillUserProcesses 2>/dev/null) || answer=''
  linger=no
  [ ! -e "/var/lib/systemd/linger/$(id -un)" ] || linger=yes
  case $answer in
    *true*) say session kills "$linger" ;;
    *false*) say session keeps "$linger" ;;
    *) say session unknown "$linger" ;;
  esac
}

# As apply will do it: the old one is kept as a hard link, the new one comes in by a rename.
replaceable() { # NUMBER PATH
  f=$ROOT/$2
  d=$(nearest "${f%/*}")
  if [ -d "$f" ]; then say file "$1" is-folder "$f"; return; fi
  # Both are told, so that both are given away at once.
  open=yes
  if [ ! -w "$d" ] || [ ! -x "$d" ]; then say file "$1" folder "$d"; open=no; fi
  if [ ! -e "$f" ]; then [ "$open" = no ] || say file "$1" ok
  elif [ ! -d "$P/check.$$" ]; then say file "$1" unknown
  elif ! ln -- "$f" "$P/check.$$/link" 2>/dev/null; then
    if [ "$(stat -c %d -- "$d")" != "$(stat -c %d -- "$P")" ]; then say file "$1" filesystem "$d"; else say file "$1" owner "$f"; fi
  else
    rm -f "$P/check.$$/link"
    [ "$open" = no ] || say file "$1" ok
  fi
}

leave() {
  rm -rf "$P/check.$$"
  [ -z "$MADE" ] || rmdir "$MADE" 2>/dev/null
}
trap leave EXIT
trap 'exit 143' TERM HUP INT

say user "$(id -un)"
say uid "$(id -u)"
say now "$(date -u +%s)"
engine
tools
root
disk
session
number=0
while IFS=' ' read -r kind path; do
  number=$((number + 1))
  f=$ROOT/$path
  case $kind in
    file) replaceable "$number" "$path" ;;
    hostfile)
      if [ -d "$f" ]; then say hostfile "$number" is-folder
      elif [ ! -e "$f" ]; then say hostfile "$number" absent
      elif [ ! -r "$f" ]; then say hostfile "$number" unreadable
      else say hostfile "$number" ok; fi
      ;;
    dotenv) if [ -e "$f" ]; then say dotenv "$number" present; else say dotenv "$number" absent; fi ;;
  esac
done
say "done"
