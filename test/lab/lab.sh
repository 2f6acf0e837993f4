#!/usr/bin/env bash
# A lab: real hosts to change, on this machine. Each host is an sshd on a free port of 127.0.0.1 with a host key, a remote root and a
# docker compose of its own; all reach one Docker engine as the user platform-host-agent.
#
#   lab.sh start [--hosts N] [--compose 2.26|2.40] [--own-engine] [--dir DIR]   starts one, prints its settings as JSON (also DIR/settings.json)
#   lab.sh stop DIR|DIR/settings.json       stops what that lab started, and removes what is its own
#   lab.sh stop-owned NAME                  the same for every lab that was started with PLATFORMCTL_LAB_OWNER=NAME
#   lab.sh restart-engine DIR               of a lab with --own-engine
#   lab.sh need                             prints the missing Debian packages and installs them; 1 where it cannot
#
# Several labs may run at once. The user platform-host-agent stays when they are gone: it has no password and no key.
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SHARED=/run/platformctl-lab
# shellcheck disable=SC2034 # need.sh keeps the compose versions there
CACHE=${XDG_CACHE_HOME:-${HOME:-/var/cache}/.cache}/platformctl-lab
AGENT=platform-host-agent
# The default socket is what the agent's docker uses, whatever this shell's docker would.
unset DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$@" && exit 1; }

# shellcheck source=test/lab/need.sh
. "$HERE/need.sh"
# shellcheck source=test/lab/engine.sh
. "$HERE/engine.sh"

# One at a time changes what labs share. Descriptor 9 holds the lock; whatever is started closes it.
lock_shared() {
  mkdir -p "$SHARED/labs" || die 'cannot write /run'
  exec 9>>"$SHARED/lock"
  flock -w 600 9 || die 'another lab has been starting or stopping for 10 minutes'
}
unlock_shared() { exec 9>&-; }

ensure_agent() {
  local group=docker
  [ ! -S /var/run/docker.sock ] || group=$(stat -c %G /var/run/docker.sock)
  id "$AGENT" >/dev/null 2>&1 || useradd --create-home --shell /bin/sh "$AGENT" || return 1
  # `*` is no password but, unlike `!`, not a locked account, which sshd would refuse.
  usermod -p '*' "$AGENT" && usermod -a -G "$group" "$AGENT"
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    [ -n "$(ss -Hltn "sport = :$port")" ] || { printf '%s' "$port" && return; }
  done
}

# start_sshd FOLDER: a port that somebody else took in between is tried again with another one.
start_sshd() {
  local folder=$1 tries pid waited
  mkdir -p /run/sshd
  for ((tries = 0; tries < 5; tries++)); do
    free_port >"$folder/port"
    cat >"$folder/sshd_config" <<CONFIG
Port $(cat "$folder/port")
ListenAddress 127.0.0.1
HostKey $folder/host_key
PidFile $folder/sshd.pid
AuthorizedKeysFile $folder/authorized_keys
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitUserEnvironment no
SetEnv DOCKER_CONFIG=$folder/docker
LogLevel VERBOSE
CONFIG
    rm -f "$folder/sshd.pid"
    setsid "$(command -v sshd)" -D -f "$folder/sshd_config" -E "$folder/sshd.log" </dev/null >/dev/null 2>&1 3>&- 9>&- &
    pid=$!
    for ((waited = 0; waited < 100; waited++)); do
      [ ! -s "$folder/sshd.pid" ] || return 0
      process_alive "$pid" || break
      sleep 0.1
    done
    end_process "$pid" "$folder/sshd_config"
  done
  say 'sshd does not start; the end of its log:'
  tail -n 5 "$folder/sshd.log" >&2
  return 1
}

start_host() { # DIR NAME COMPOSE
  local folder=$1/$2
  mkdir -p "$folder/docker/cli-plugins" "$folder/root" && chmod 755 "$folder" || return 1
  ln -s "$1/compose/$3/docker-compose" "$folder/docker/cli-plugins/docker-compose"
  if [ -S "$1/docker.sock" ]; then
    DOCKER_CONFIG=$folder/docker docker context create lab --docker "host=unix://$1/docker.sock" >/dev/null || return 1
    DOCKER_CONFIG=$folder/docker docker context use lab >/dev/null 2>&1 || return 1
  fi
  chown -R "$AGENT:" "$folder/root" "$folder/docker" || return 1
  ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$folder/host_key" || return 1
  cp "$1/client_key.pub" "$folder/authorized_keys" && chmod 644 "$folder/authorized_keys" || return 1
  start_sshd "$folder" || return 1
  # What every test relies on is shown once: a login, the engine, this compose.
  ssh -F /dev/null -i "$1/client_key" -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=15 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
    -p "$(cat "$folder/port")" "$AGENT@127.0.0.1" 'docker version --format "{{.Server.Version}}" && docker compose version --short' </dev/null >&2 \
    || { say "host $2 was started but cannot use docker" && return 1; }
}

host_json() { # DIR NAME
  local folder=$1/$2 key port
  key=$(cut -d' ' -f1,2 "$folder/host_key.pub") port=$(cat "$folder/port")
  printf '{"name":"%s","port":%s,"user":"%s","host_key":"%s","known_hosts_line":"[127.0.0.1]:%s %s","remote_root":"%s","docker_config":"%s","sshd_pid":%s}' \
    "$2" "$port" "$AGENT" "$key" "$port" "$key" "$folder/root" "$folder/docker" "$(cat "$folder/sshd.pid")"
}

settings_json() { # DIR OURS OWN HOST...: $images holds what import_images printed
  local dir=$1 ours=$2 own=$3 name first=1
  shift 3
  printf '{"dir":"%s","engine_started":%s,"own_engine":%s,"hosts":[' "$dir" "$ours" "$own"
  for name in "$@"; do
    [ -n "$first" ] || printf ','
    first=''
    host_json "$dir" "$name"
  done
  printf '],"client_key":"%s","client_public_key":"%s","images":{' "$dir/client_key" "$(cut -d' ' -f1,2 "$dir/client_key.pub")"
  printf '%s\n' "$images" | awk '{ printf "%s\"%s\":\"%s\"", (NR > 1 ? "," : ""), $1, $2 }'
  printf '},"compose":{"2.26":"%s","2.40":"%s"},"compose_versions":{"2.26":"%s","2.40":"%s"}}\n' "$dir/compose/2.26/docker-compose" "$dir/compose/2.40/docker-compose" \
    "$(compose_version "$dir/compose/2.26/docker-compose")" "$(compose_version "$dir/compose/2.40/docker-compose")"
}

start() {
  local hosts=1 compose=2.26 own='' dir='' number names=() version cached images
  while [ $# -gt 0 ]; do
    case $1 in
      --hosts) hosts=${2:-} && shift ;;
      --compose) compose=${2:-} && shift ;;
      --dir) dir=${2:-} && shift ;;
      --own-engine) own=1 ;;
      *) die "start does not know $1" ;;
    esac
    shift
  done
  [[ $hosts =~ ^[1-9][0-9]?$ ]] || die "--hosts wants a number from 1 to 99, not '$hosts'"
  case $compose in 2.26 | 2.40) ;; *) die "--compose wants 2.26 or 2.40, not '$compose'" ;; esac
  [ -z "$dir" ] || [[ $dir =~ ^/[A-Za-z0-9_./-]+$ ]] || die "--dir wants an absolute path of letters, digits and _ . / -, not '$dir'"
  [ -z "$dir" ] || [ ! -e "$dir" ] || [ -z "$(ls -A "$dir")" ] || die "$dir is not empty"
  need >&2 || die 'cannot start without the above'

  lock_shared
  if [ -z "$dir" ]; then dir=$(mktemp -d /srv/platformctl-lab-XXXXXX) || exit 1; fi
  mkdir -p "$dir" && chmod 755 "$dir" || exit 1
  printf '%s\n' "${PLATFORMCTL_LAB_OWNER:-}" >"$dir/owner"
  printf '%s\n' "$dir" >"$SHARED/labs/${dir//\//_}"
  # From here on a failure takes back what was started.
  trap 'unlock_shared; say "taking back what was started"; stop "$dir"' EXIT
  trap 'exit 1' HUP INT TERM
  if [ -n "$own" ]; then
    own_engine "$dir" || exit 1
    images=$(import_images "$dir/docker.sock") || exit 1
  else
    shared_engine || exit 1
    images=$(import_images) || die 'cannot import the images'
  fi
  ensure_agent || die "cannot make the user $AGENT"
  for version in 2.26=trixie 2.40=sid; do
    cached=$(ensure_compose "${version%=*}" "${version#*=}") || die "cannot get docker compose ${version%=*}"
    mkdir -p "$dir/compose/${version%=*}"
    # A link costs nothing; a cache under /root is out of the agent's reach by its path, not by its inode.
    ln "$cached" "$dir/compose/${version%=*}/docker-compose" 2>/dev/null || cp "$cached" "$dir/compose/${version%=*}/docker-compose" || exit 1
  done
  unlock_shared

  ssh-keygen -q -t ed25519 -N '' -C platformctl-lab -f "$dir/client_key" || exit 1
  for ((number = 1; number <= hosts; number++)); do
    names+=("host$number")
    start_host "$dir" "host$number" "$compose" || exit 1
  done
  settings_json "$dir" "$(shared_engine_is_ours && printf true || printf false)" "$([ -n "$own" ] && printf true || printf false)" "${names[@]}" >"$dir/settings.json"
  trap - EXIT
  cat "$dir/settings.json" >&3
}

# Sessions of an sshd, and what they left behind with setsid, carry its DOCKER_CONFIG: nothing else does.
end_sessions() { # FOLDER
  local environment pid
  for environment in /proc/[0-9]*/environ; do
    pid=${environment#/proc/} pid=${pid%/environ}
    if tr '\0' '\n' <"$environment" 2>/dev/null | grep -qxF "DOCKER_CONFIG=$1/docker"; then kill -KILL "$pid" 2>/dev/null; fi
  done
} 2>/dev/null

stop() {
  local dir=${1%/settings.json} folder
  dir=${dir%/}
  if [ ! -f "$SHARED/labs/${dir//\//_}" ] || [ ! -f "$dir/owner" ]; then die "$dir is no lab that runs"; fi
  for folder in "$dir"/*/; do
    folder=${folder%/}
    [ -f "$folder/sshd_config" ] || continue
    end_process "$(cat "$folder/sshd.pid" 2>/dev/null)" "$folder/sshd_config"
    end_sessions "$folder"
  done
  if [ -d "$dir/engine" ]; then own_engine_remove "$dir"; elif engine_answers; then remove_containers "$dir"; fi
  rm -rf "$dir" || say "not everything in $dir could be removed"
  lock_shared
  rm -f "$SHARED/labs/${dir//\//_}"
  shared_engine_leave
  unlock_shared
}

stop_owned() {
  local record dir
  [ -n "${1:-}" ] || die 'stop-owned wants a name'
  for record in "$SHARED"/labs/*; do
    [ -f "$record" ] || continue
    dir=$(cat "$record")
    if [ ! -d "$dir" ]; then rm -f "$record"; elif [ "$(cat "$dir/owner" 2>/dev/null)" = "$1" ]; then stop "$dir"; fi
  done
}

restart_engine() { # DIR
  local dir=${1%/}
  [ -d "$dir/engine" ] || die "$dir has no engine of its own"
  engine_stop "$dir/engine"
  own_engine_start "$dir"
}

# Only the settings are stdout; what the tools say is for a person.
exec 3>&1 1>&2
command=${1:-}
[ $# = 0 ] || shift
case $command in
  start) start "$@" ;;
  stop) stop "${1:?stop wants the folder of a lab}" ;;
  stop-owned) stop_owned "$@" ;;
  restart-engine) restart_engine "${1:?restart-engine wants the folder of a lab}" ;;
  need) need >&3 ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2 ;;
esac
