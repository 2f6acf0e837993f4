# The conversation with a host: answers words until `go`, then reports what finish.sh does. Constant text; values come as arguments and input.
# Run as: sh -c 'eval "$1"' platformctl TEXT ROOT [RUN]. With RUN it is the second one, started by `lock` under the locks.
#
# A message is a line `verb arguments bytes`, then one line an argument, each behind `=`, then so many bytes. An answer is a line
# `exit bytes bytes`, then stdout, then the end of stderr. Every message is answered in order, so many may be sent at once.
set -u
umask 077
export LC_ALL=C
PROGRAM=$1 ROOT=$2 RUN=${3:-}
NL='
'
P=$ROOT/.platform
PATIENCE=60
PULL='' FINISH='' FINISHED=''

# Programs get an environment made from nothing (P-12); DOCKER_CONFIG where the host sets one.
clean() {
  env -i PATH="$PATH" HOME="${HOME:-/}" ${DOCKER_CONFIG:+"DOCKER_CONFIG=$DOCKER_CONFIG"} "$@"
}

docker_() { clean timeout -s KILL 60 docker "$@" </dev/null; }

# read takes byte by byte, so nothing that follows is eaten; a client that is silent for PATIENCE seconds is gone (X-5).
hear() {
  # shellcheck disable=SC2016
  timeout "$PATIENCE" sh -c 'IFS=" " read -r v n b || exit 1; printf "%s\n%s\n" "$v" "$b"
    while [ "$n" -gt 0 ]; do IFS= read -r a || exit 1; printf "%s\n" "$a"; n=$((n - 1)); done'
}

frame() {
  whole=$(($2 / 65536)) rest=$(($2 % 65536))
  {
    [ "$whole" = 0 ] || timeout "$PATIENCE" dd bs=65536 count="$whole" iflag=fullblock
    [ "$rest" = 0 ] || timeout "$PATIENCE" dd bs="$rest" count=1 iflag=fullblock
  } >"$1" 2>/dev/null
  [ $(($(wc -c <"$1"))) = "$2" ]
}

answer() {
  tail -c 8192 "$T/err" >"$T/err.end"
  bytes=$(($(wc -c <"$T/out")))
  printf '%s %s %s\n' "$1" "$bytes" $(($(wc -c <"$T/err.end")))
  # Whoever does not read it, as a client that was stopped, does not hold the locks for ever; a slow line has a second for every 16 KiB.
  timeout $((PATIENCE + bytes / 16384)) cat "$T/out" "$T/err.end" || exit 143
}

# A name below the folder that this conversation may write: never upwards, never absolute.
inside() {
  case /$1/ in *//* | */../* | */./*) return 1 ;; esac
}

# --- looking ---

do_hello() {
  printf 'uid %s\nuser %s\nnow %s\n' "$(id -u)" "$(id -un)" "$(date -u +%s)"
  for tool in flock setsid timeout sha256sum stat readlink truncate; do
    command -v "$tool" >/dev/null 2>&1 || printf 'missing %s\n' "$tool"
  done
  # busybox has one of that name, which knows no -E and no -w.
  ! command -v flock >/dev/null 2>&1 || flock -s -n -E 75 "$P/key" true || printf 'missing flock\n'
  if command -v curl >/dev/null 2>&1; then printf 'http curl\n'
  elif wget --version >/dev/null 2>&1; then printf 'http wget\n'
  elif command -v busybox >/dev/null 2>&1; then printf 'http nc\n'
  else printf 'http none\n'; fi
  printf 'root %s\n' "$REAL"
  d=$REAL
  while [ -n "$d" ]; do
    [ ! -e "$d/.git" ] || printf 'worktree %s\n' "$d"
    d=${d%/*}
  done
  [ ! -S /var/run/docker.sock ] || printf 'socketgroup %s\n' "$(stat -c %g /var/run/docker.sock)"
  if info=$(docker_ info --format '{{.ServerVersion}} {{.DockerRootDir}}'); then printf 'engine %s\n' "$info"; else return 21; fi
  if version=$(docker_ compose version --short); then printf 'compose %s\n' "$version"; else return 22; fi
}

# The end of every status document, where the head of the audit chain stands.
do_heads() {
  for f in "$P"/state/modules/*.status.json; do
    [ ! -e "$f" ] || tail -c 200 "$f"
  done
}

# A file of ours: a release's compose file, a run's plan or journal. A long one in pieces: from the byte FROM on.
do_get() { inside "$1" && { [ ! -f "$P/$1" ] || tail -c "+$((${2:-0} + 1))" "$P/$1" | head -c 16777216; }; }

# Every status document: `ID BYTES`, then the bytes.
do_allstatus() {
  for f in "$P"/state/modules/*.status.json; do
    [ -e "$f" ] || continue
    cp "$f" "$T/status" || return 1
    id=${f##*/}
    printf '%s %s\n' "${id%.status.json}" $(($(wc -c <"$T/status"))) && cat "$T/status"
  done
}

# The newest runs, at most LIMIT, of MODULES (`*`: of all) whose id begins with PREFIX. One line each: id, module, the journal's first and last line, who
# started it; then what it was for. Shell words only, for there may be many. `-`: there is none, as of a run that never came to `go`.
do_runs() {
  left=$1
  ls -r "$P/runs" >"$T/runs" || return 1
  while [ "$left" -gt 0 ] && IFS= read -r id; do
    case $id in *[!0-9a-f-]*) continue ;; "$3"*) ;; *) continue ;; esac
    run=$P/runs/$id module=- first=- last=- holder=- what=-
    { while IFS= read -r line; do case $line in module.*) module=${line#module.} ;; esac; done <"$run/locks"; } 2>/dev/null
    case "* $2 " in '* * ' | *" $module "*) ;; *) continue ;; esac
    { IFS= read -r holder <"$run/holder"; } 2>/dev/null || continue
    { while IFS= read -r line; do last=$line && [ "$first" != - ] || first=$line; done <"$run/journal"; } 2>/dev/null
    { IFS= read -r what <"$run/go/audit.applied" || [ "$what" != '' ]; } 2>/dev/null || what=-
    printf '%s\n' "$id $module" "$first" "$last" "$holder" "$what"
    left=$((left - 1))
  done <"$T/runs"
}

# What the steps of a run said, raw, for the client redacts: `NAME SIZE BYTES`, then so many bytes, at most LIMIT and then the end of it.
do_logs() {
  inside "$1" || return 1
  for f in "$P/runs/$1"/*.out "$P/runs/$1"/*.err "$P/runs/$1"/*.log; do
    if [ ! -s "$f" ] || ! tail -c "$2" "$f" >"$T/log"; then continue; fi
    printf '%s %s %s\n' "${f##*/}" $(($(wc -c <"$f"))) $(($(wc -c <"$T/log"))) && cat "$T/log"
  done
}

# shellcheck disable=SC2034 # containers.sh reads it
CONTAINER='[{{json .Id}},{{json .Image}},{{json (index .Config.Labels "com.docker.compose.project")}},{{json (index .Config.Labels "com.docker.compose.service")}},{{json (index .Config.Labels "com.docker.compose.config-hash")}},{{json .State.Status}},{{with index .State "Health"}}{{json .Status}}{{else}}null{{end}},{{json .RestartCount}},{{json .State.ExitCode}},{{json .Name}},{{json .HostConfig.NetworkMode}},{{json .HostConfig.PidMode}},{{json .HostConfig.IpcMode}},{{json .State.StartedAt}},{{json .Config.Image}}]'

#include containers.sh

# The containers of projects, `*` for every one that compose made.
do_containers() {
  for project; do
    label=com.docker.compose.project
    [ "$project" = '*' ] || label=$label=$project
    described "$label" || return 1
  done
}

# Names in a host's .env that would steer compose or docker themselves (P-12). Names only, never a value.
do_steering() {
  [ -f "$ROOT/$1" ] && [ -r "$ROOT/$1" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    # Compose takes a name behind any white space, and `:` for `=`: whatever a line's first word is.
    line=${line#"${line%%[A-Za-z0-9_#]*}"}
    case $line in export[!A-Za-z0-9_]*)
      line=${line#export}
      line=${line#"${line%%[A-Za-z0-9_#]*}"}
      ;;
    esac
    case $line in COMPOSE_* | DOCKER_*) printf '%s\n' "${line%%[!A-Za-z0-9_]*}" ;; esac
  done <"$ROOT/$1"
}

# Who else has a container of this name (G-7): its project, or nothing.
do_named() {
  for name; do
    docker_ ps -a --filter "name=^/$name\$" --format '{{.Label "com.docker.compose.project"}}/{{.Label "com.docker.compose.service"}}' || return 1
    printf '.\n'
  done
}

# compose FOLDER PROJECT ENV FILE ARGS...: ENV is `real` (the folder's .env), `none`, or a name that was put; FILE a name that was put, ours, or
# one that lies on the host.
compose() {
  folder=$ROOT/$1 project=$2 env=$3 file=$4
  shift 4
  case $file in
    ours/*) file=$P/${file#ours/} ;;
    there/*) file=$ROOT/${file#there/} && within "${file#"$ROOT"/}" || return 1 ;;
    *) file=$B/$file ;;
  esac
  case $env in
    real) set -- --profile '*' -f - "$@" ;;
    none) set -- --env-file /dev/null --profile '*' -f - "$@" ;;
    *) set -- --env-file "$B/$env" --profile '*' -f - "$@" ;;
  esac
  clean timeout -s KILL 60 docker compose --project-directory "$folder" -p "$project" "$@" <"$file"
}

do_hash() { compose "$1" "$2" "$3" "$4" config --hash '*'; }
do_resolve() { compose "$1" "$2" "$3" "$4" config --format json; }

# P-13: the hash of what `config` prints, which is what a container made by hand carries. It stays in a pipe.
do_labelhash() {
  service=$5
  compose "$1" "$2" "$3" "$4" config 2>"$T/config.err" | clean timeout -s KILL 60 docker compose --project-directory "$ROOT/$1" -p "$2" --env-file /dev/null --profile '*' -f - config --hash "$service"
}

do_images() {
  for reference; do
    id=$(docker_ image inspect --format '{{.Id}}' -- "$reference" 2>/dev/null) || id=-
    printf '%s\n' "$id"
  done
}

#include paths.sh

# A plain file beneath ROOT, which no link leads out of.
within() {
  inside "$1" && [ ! -L "$ROOT/$1" ] && [ -f "$ROOT/$1" ] && case $(parent "$ROOT/$1")/ in "$REAL"/*) ;; *) return 1 ;; esac
}

# A compose file as it lies there.
do_deployed() { within "$1" && head -c 4194304 "$ROOT/$1"; }

# kind mode uid digests, of paths beneath ROOT. `outside`: a folder in between leads out of it (G-5).
look() {
  f=$ROOT/$1
  case $(parent "$f")/ in "$REAL"/*) ;; *) printf 'outside - - -\n'; return ;; esac
  if [ -L "$f" ]; then printf 'symlink - - -\n'
  elif [ ! -e "$f" ]; then printf 'absent - - -\n'
  elif [ -d "$f" ]; then printf 'folder %s -\n' "$(stat -c '%a %u' -- "$f")"
  elif [ ! -f "$f" ]; then printf 'other - - -\n'
  elif [ ! -r "$f" ]; then printf 'unreadable %s -\n' "$(stat -c '%a %u' -- "$f")"
  else
    plain=$(sha256sum <"$f") || return 1
    keyed=$({ cat "$P/key" && printf '%s\n' "$plain"; } | sha256sum) || return 1
    [ "$2" = both ] || plain=
    printf 'file %s %s\n' "$(stat -c '%a %u' -- "$f")" "${plain:+${plain%% *} }${keyed%% *}"
  fi
}

# A keyed digest is one that nobody can guess a short password from: the key never leaves this host (M-8).
do_files() { for path; do look "$path" both || return 1; done; }
do_keyed() { for path; do look "$path" keyed || return 1; done; }

# Absolute paths as they are once links are followed: kind and path.
do_real() {
  for path; do
    kind=absent
    [ ! -e "$path" ] || kind=other
    [ ! -d "$path" ] || kind=folder
    [ ! -f "$path" ] || kind="file"
    [ ! -S "$path" ] || kind=socket
    printf '%s %s\n' "$kind" "$(readlink -f -- "$path" || printf '%s' "$path")"
  done
}

# Locks are looked at in the kernel's list: taking one, even for a moment, would make others busy (X-6). Only the inode is compared, not the device
# before it: that is the file system's own, and on btrfs, ZFS and some overlays `stat` gives another one, so a held lock would be taken for free, and its
# run for dead. A lock elsewhere with the same inode makes a free one look held for as long as it lasts: then somebody waits, and nothing is harmed.
# Never line by line: the kernel finds its place in the list by counting, so each lock that somebody lets go of meanwhile hides another one. A page at a time it
# holds the list still; three times, for what a border between two pages hides.
locked() {
  inode=$(stat -c %i -- "$1") || return 1
  IFS=$NL
  # shellcheck disable=SC2013 # by that IFS they are lines
  for line in $(cat /proc/locks /proc/locks /proc/locks); do
    case $line in *FLOCK*:"$inode "*) unset IFS && return 0 ;; esac
  done
  unset IFS
  return 1
}

# Who wrote itself into a lock: PID and HOLDER.
holder() {
  PID='' HOLDER=''
  { IFS= read -r PID && IFS= read -r HOLDER; } <"$1"
}

do_held() {
  for lock in "$P"/locks/*; do
    if [ ! -f "$lock" ] || ! locked "$lock"; then continue; fi
    holder "$lock"
    state=held
    [ -n "$PID" ] && [ -d "/proc/$PID" ] || state=finishing
    printf '%s %s %s\n' "$state" "${lock##*/}" "$HOLDER" || return 1
  done
  return 0
}

# The end of a file of ours, raw: the client redacts.
do_tail() { inside "$1" && { [ ! -f "$P/$1" ] || tail -c 65536 "$P/$1"; }; }

# RUN MODULE FROM: how finish.sh stands, then its journal from a byte on. A conversation that did not start it sees only whether the run still
# holds its module: `gone` where not.
do_follow() {
  inside "$1" || return 1
  if [ -n "$FINISH" ]; then
    state=''
    { IFS=' ' read -r _ _ state _ <"/proc/$FINISH/stat"; } 2>/dev/null
    case $state in
      '' | Z)
        # Once: a second `wait` for the same process says 127.
        [ -n "$FINISHED" ] || { wait "$FINISH"; FINISHED=$?; }
        printf 'ended %s\n' "$FINISHED"
        ;;
      *) printf 'running -\n' ;;
    esac
  else
    state=gone
    if locked "$P/locks/module.$2"; then
      holder "$P/locks/module.$2"
      # Empty: whoever holds it writes itself into it at this moment.
      case $HOLDER in '' | *"\"$1\""*) state=running ;; esac
    fi
    printf '%s -\n' "$state"
  fi
  [ ! -f "$P/runs/$1/journal" ] || tail -c "+$(($3 + 1))" "$P/runs/$1/journal"
  # A full disk takes the words of an answer, and never its exit.
  [ -z "$FINISHED" ] || return "$((100 + FINISHED))"
}

# --- under the locks ---

# Holds the locks for as long as the inner conversation lives, and what it starts: flock gives them to its children, and no lock file is
# ever removed (X-6). Names come last-to-be-taken first. Not in a subshell, for the inner one goes on with our input and output. The run's
# folder appears whole, with the numbers of the shells that it belongs to until `go`: see `sweep`.
do_lock() {
  run=$1
  shift
  rm -rf "$B/run" && mkdir "$B/run" && mv -f "$B/holder" "$B/run/holder" && printf '%s\n' "$@" >"$B/run/locks" \
    && printf '%s\n' $$ >"$B/run/talk" && mv "$B/run" "$P/runs/$run" || return 1
  # shellcheck disable=SC2016
  set -- sh -c 'eval "$1"' platformctl "$PROGRAM" "$ROOT" "$run"
  while IFS= read -r lock; do set -- flock -n -E 75 "$P/locks/$lock" "$@"; done <"$P/runs/$run/locks" || return 1
  "$@"
  code=$?
  # Above 63 and up to 75 is what flock itself says: the inner one never ran.
  [ "$code" -gt 63 ] && [ "$code" -le 75 ] || exit "$code"
  rm -rf "$P/runs/$run"
  return "$code"
}

# Folders of runs that ended before `go` and could not remove them: nothing was started there, and both of their shells are gone.
sweep() {
  for old in "$P"/runs/*/talk; do
    if [ ! -f "$old" ] || [ -e "${old%/talk}/finish.out" ]; then continue; fi
    while IFS= read -r pid; do
      [ ! -d "/proc/$pid" ] || continue 2
    done <"$old"
    rm -rf "${old%/talk}"
  done
}

do_mode() { inside "$1" && chmod "$2" "$B/$1"; }

# A host file in the staged copy is a link to the real one: its bytes are never copied (M-8).
do_stagelink() {
  inside "$1" || return 1
  case $1 in */*) mkdir -p "$B/stage/tree/${1%/*}" || return 1 ;; *) mkdir -p "$B/stage/tree" || return 1 ;; esac
  ln -sf "$ROOT/$1" "$B/stage/tree/$1"
}

do_check() {
  case $3 in none) set -- "$1" "$2" --env-file /dev/null ;; *) set -- "$1" "$2" ;; esac
  file=$1 project=$2
  shift 2
  case $file in */*) folder=$B/stage/tree/${file%/*} ;; *) folder=$B/stage/tree ;; esac
  clean timeout -s KILL 60 docker compose "$@" --project-directory "$folder" -p "$project" -f "$B/stage/tree/$file" config -q </dev/null
}

# May PATH be replaced, and is the run's folder on its file system (an atomic swap needs it)? number, path.
do_replaceable() {
  mkdir -p "$B/kept" "$B/new" || return 1
  number=$1 path=$2 f=$ROOT/$2 code=0
  d=${f%/*}
  while [ ! -d "$d" ]; do d=${d%/*}; done
  [ "$(stat -c %d -- "$d")" = "$(stat -c %d -- "$B/new")" ] || { printf 'filesystem %s\n' "$d"; return 32; }
  if [ ! -w "$d" ] || [ ! -x "$d" ]; then printf 'folder %s\n' "$d"; code=31; fi
  if [ -e "$f" ] && ! ln -f -- "$f" "$B/kept/$number"; then printf 'file %s\n' "$f"; code=31; fi
  [ "$code" = 0 ] || return "$code"
  [ ! -f "$B/stage/tree/$path" ] || { cp -- "$B/stage/tree/$path" "$B/new/$number" && chmod "$3" "$B/new/$number" && sync "$B/new/$number"; }
}

# A group of its own, which `leave` can end: no `timeout` in it, for that would make another one.
do_pull() {
  rm -f "$B/pull.rc"
  # shellcheck disable=SC2016
  env -i PATH="$PATH" HOME="${HOME:-/}" ${DOCKER_CONFIG:+"DOCKER_CONFIG=$DOCKER_CONFIG"} setsid sh -c 'docker pull -q -- "$1" & pull=$!
    { sleep "$2"; kill -TERM "$pull"; sleep 10; kill -KILL "$pull"; } 2>/dev/null &
    wait "$pull"; echo $? >"$0.new"; mv -f "$0.new" "$0"; kill -TERM 0' "$B/pull.rc" "$1" "$2" </dev/null >"$B/pull.out" 2>&1 &
  PULL=$!
}

do_pulled() {
  if [ -f "$B/pull.rc" ]; then
    code=$(cat "$B/pull.rc")
    PULL=''
    tail -c 4096 "$B/pull.out"
    return "${code:-1}"
  fi
  return 98
}

do_put() { inside "$1" && { case $1 in */*) mkdir -p "$B/${1%/*}" ;; esac; } && mv -f "$B/in" "$B/$1" && lasting "$1"; }
do_add() { inside "$1" && cat "$B/in" >>"$B/$1" && lasting "$1"; }
# What becomes a kept release: the status that names it is on the disk, so its files must be (R-4).
lasting() { case $1 in stage/*) sync "$B/$1" ;; esac; }

#include record.sh

# A run that ends before `go` stands in the chain too, and one that had its locks in a journal (X-1): MIDDLE OUTCOME EXIT WHY. What comes back is the chain's new head.
do_audit() {
  if [ -n "$RUN" ] && [ -z "$FINISH" ] && [ -s "$B/locks" ] && [ $# = 4 ]; then
    IFS='. ' read -r uptime _ </proc/uptime
    printf 'end %s %s %s %s\n' "$2" "$3" "$uptime" "$4" >"$B/journal"
  fi
  (
    flock -w 20 9 || exit 1
    ended=$(date -u +%Y-%m-%dT%H:%M:%SZ) && chain_append "$1" "$ended" && printf '%s %s\n' "$CHAIN_SEQ" "$CHAIN_HASH"
  ) 9>>"$P/locks/audit"
}

# R-3: what a run was that recorded its intent and never its end, written by whoever holds the locks now. RUN MODULE RELEASE OUTCOME WHY ID LABEL IMAGE
do_settle() {
  inside "$1" && inside "$2" && inside "$3" || return 1
  # shellcheck disable=SC2034 # record.sh reads them
  W=$P/runs/$1 G=$P/runs/$1/go MODULE=$2 RELEASE=$3 WHY=$5 ID=$6 LABEL=$7 IMG=$8
  # Empty: a host that lost its power kept the names and not the bytes. A status that is whole is not replaced by what is made of nothing (R-4).
  [ -n "$RUN" ] && [ -s "$G/status.$4" ] && [ -s "$G/audit.$4" ] || return 1
  case $4 in applied) { [ ! -d "$W/stage" ] || keep; } && { protect || :; } || return 1 ;; esac
  record "$4"
}

# Old runs of the module whose lock this one holds (R-8). Each is gone from one moment to the next, whoever reads it: what is left of it is nobody's.
do_forget() {
  [ -n "$RUN" ] || return 1
  mine=-
  while IFS= read -r lock; do case $lock in module.*) mine=$lock ;; esac; done <"$B/locks"
  for id; do
    old=$P/runs/$id
    case $id in *[!0-9a-f-]* | "$RUN") continue ;; esac
    if [ ${#id} != 36 ] || [ ! -f "$old/locks" ] || [ -L "$old" ]; then continue; fi
    while IFS= read -r lock; do
      [ "$lock" != "$mine" ] || { mv "$old" "$T/old" && rm -rf "$T/old"; break; }
    done <"$old/locks"
  done
}

# From here on the host needs nobody (X-5): finish.sh has its own session, the locks, and nothing of this channel.
do_go() {
  [ -n "$RUN" ] && [ -z "$FINISH" ] || return 1
  # Before the intent is on the disk, all that is needed to judge it is (R-3, R-4).
  sync "$B"/go/* "$B/go" "$B/finish.sh" "$B" "$P/runs" || return 1
  setsid sh "$B/finish.sh" "$ROOT" "$RUN" </dev/null >"$B/finish.out" 2>&1 &
  FINISH=$!
}

# --- the start ---

leave() {
  if [ -z "$FINISH" ]; then
    [ -z "$PULL" ] || kill -TERM "-$PULL" 2>/dev/null
    # Nothing was changed: at most its journal is left of the run, and whose it was (X-1).
    if [ -n "$RUN" ] && [ -s "$B/journal" ]; then
      for file in "$B"/*; do
        case ${file##*/} in holder | locks | journal) ;; *) rm -rf "$file" ;; esac
      done
    elif [ -n "$RUN" ]; then
      rm -rf "$B"
    fi
  fi
  rm -rf "$T"
}

refuse() {
  printf '%s 0 0\n' "$1"
  exit "$1"
}

# remote_root is made where it can be; where it leads is looked at before anything is written there (G-5).
[ -d "$ROOT" ] || (umask 022 && mkdir -p -- "$ROOT") 2>/dev/null || refuse 20
REAL=$(cd -P -- "$ROOT" && pwd -P) || refuse 20
case $REAL/ in
  // | /bin/* | /boot/* | /dev/* | /etc/* | /lib*/* | /proc/* | /root/* | /run/* | /sbin/* | /sys/* | /usr/* | /var/lib/docker/* | \
    /var/lib/containerd/* | /var/run/* | /var/spool/* | */.ssh/* | */.gnupg/* | */.git/* | */.platform/*) refuse 24 ;;
esac
[ ! -L "$P" ] || refuse 24
mkdir -p "$P/tmp" "$P/locks" "$P/state/modules" "$P/runs" "$P/releases" 2>/dev/null || refuse 20
if [ ! -w "$P" ] || [ ! -w "$P/tmp" ]; then refuse 20; fi
if [ ! -s "$P/key" ]; then
  { head -c 32 /dev/urandom >"$P/key.$$" && sync "$P/key.$$" && { ln "$P/key.$$" "$P/key" || [ -s "$P/key" ]; }; } 2>/dev/null || refuse 20
  rm -f "$P/key.$$"
fi
for old in "$P"/tmp/*; do
  [ -d "$old" ] && [ ! -d "/proc/${old##*/}" ] && rm -rf "$old"
done
T=$P/tmp/$$ B=$P/tmp/$$
mkdir -p "$T" 2>/dev/null || refuse 20
trap leave EXIT
# PIPE: an answer that nobody reads any more, which would end the shell without what EXIT does.
trap 'exit 143' TERM HUP INT PIPE
true >"$T/out"
true >"$T/err"
if [ -n "$RUN" ]; then
  B=$P/runs/$RUN
  printf '%s\n' $$ >>"$B/talk" || refuse 28
  while IFS= read -r lock; do
    { printf '%s\n' $$ && cat "$B/holder"; } >"$P/locks/$lock" || refuse 28
  done <"$B/locks"
  sweep
  answer 0
else
  printf 'platformctl 1\n'
fi

while message=$(hear); do
  IFS=$NL
  set -f
  # shellcheck disable=SC2086
  set -- $message
  set +f
  unset IFS
  verb=$1 size=$2
  shift 2
  for value; do
    shift
    set -- "$@" "${value#=}"
  done
  true >"$T/out"
  true >"$T/err"
  # What is left of a frame that could not be written would be read as words.
  case $verb in put | add) frame "$B/in" "$size" || refuse 28 ;; esac
  case $verb in
    lock)
      do_lock "$@" 2>"$T/err"
      code=$?
      [ "$code" != 75 ] || do_held >"$T/out"
      answer "$code"
      ;;
    hello | allstatus | heads | get | deployed | runs | logs | containers | named | steering | hash | resolve | labelhash | images | files | keyed | real | held | \
      mode | stagelink | check | replaceable | pull | pulled | put | add | audit | settle | forget | go | follow | tail)
      "do_$verb" "$@" </dev/null >"$T/out" 2>"$T/err"
      answer $?
      ;;
    *) answer 2 ;;
  esac
done
