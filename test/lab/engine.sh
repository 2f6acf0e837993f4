#!/usr/bin/env bash
# The Docker engine of a lab and its images. Sourced by lab.sh. Labs that run at once share the engine that answers on the default
# socket; where none does, the first lab starts one and the last lab to stop ends it.

engine_answers() { timeout 20 docker ${1:+--host "unix://$1"} version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# A zombie counts as ended: in a container nobody may be there to reap it.
process_alive() {
  [ -n "$1" ] && [ -r "/proc/$1/stat" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# end_process PID WORD: TERM, then KILL after 30 s, and only where WORD is in its command line: pids are used again.
end_process() {
  local pid=$1 tries
  process_alive "$pid" && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$2" || return 0
  kill -TERM "$pid" 2>/dev/null
  for ((tries = 0; tries < 300; tries++)); do
    process_alive "$pid" || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null
}

# engine_start FOLDER SOCKET [OPTION...]: a dockerd of our own with everything beneath FOLDER, and waits until it answers.
engine_start() {
  local folder=$1 socket=$2 tries
  shift 2
  mkdir -p "$folder"
  rm -f "$folder/dockerd.pid"
  setsid dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/dockerd.pid" --host "unix://$socket" \
    --iptables=false "$@" </dev/null >>"$folder/dockerd.log" 2>&1 3>&- 9>&- &
  for ((tries = 0; tries < 300; tries++)); do
    ! engine_answers "$socket" || return 0
    sleep 0.2
  done
  say "dockerd does not answer; the end of its log:"
  tail -n 20 "$folder/dockerd.log" >&2
  return 1
}

# own_engine DIR: a dockerd for one lab, on a bridge of its own. Neither `--bridge=none` nor `--default-address-pool`: with these dockerd
# deletes docker0 at its start or restart, which is another engine's. It sees by itself which addresses others use.
own_engine() {
  local number bridge
  mkdir -p "$1/engine"
  while :; do
    number=$((RANDOM % 200 + 20)) bridge=pctl$number
    # The bridge is the claim on the addresses.
    if ! ip -o -4 addr | grep -q " 10\\.$number\\." && ip link add "$bridge" type bridge 2>/dev/null; then break; fi
  done
  printf '%s\n' "$bridge" >"$1/engine/bridge"
  ip addr add "10.$number.255.1/24" dev "$bridge" && ip link set "$bridge" up && own_engine_start "$1"
}

own_engine_start() { engine_start "$1/engine" "$1/docker.sock" --bridge "$(cat "$1/engine/bridge")"; }

own_engine_remove() {
  local id
  own() { docker --host "unix://$1/docker.sock" "${@:2}"; }
  # Else dockerd gives each container its time to stop.
  own "$1" ps -q | while IFS= read -r id; do own "$1" kill "$id" >/dev/null; done
  own "$1" container prune -f >/dev/null
  own "$1" network prune -f >/dev/null
  engine_stop "$1/engine"
  [ ! -s "$1/engine/bridge" ] || ip link del "$(cat "$1/engine/bridge")"
} 2>/dev/null

engine_stop() { # FOLDER
  local pid mount
  pid=$(cat "$1/dockerd.pid" 2>/dev/null)
  end_process "${pid:-0}" "$1/data"
  awk -v beneath="$1/" 'index($2, beneath) == 1 { print $2 }' /proc/mounts | sort -r | while IFS= read -r mount; do umount -l "$mount"; done
}

shared_engine() {
  if engine_answers; then return 0; fi
  rm -rf "$SHARED/engine"
  # Not beneath $SHARED: /run is memory, and images are not.
  local folder
  folder=$(mktemp -d /var/lib/platformctl-lab-engine.XXXXXX) || return 1
  printf '%s\n' "$folder" >"$SHARED/engine"
  engine_start "$folder" /var/run/docker.sock
}

# Is the engine that answers one that a lab started?
shared_engine_is_ours() {
  [ -f "$SHARED/engine" ] && process_alive "$(cat "$(cat "$SHARED/engine")/dockerd.pid" 2>/dev/null)"
}

# The last lab has gone: what labs started and imported goes too.
shared_engine_leave() {
  [ -z "$(ls -A "$SHARED/labs")" ] || return 0
  if [ -f "$SHARED/images" ] && engine_answers; then
    while IFS= read -r image; do docker rmi "$image" >/dev/null 2>&1; done <"$SHARED/images"
  fi
  rm -f "$SHARED/images"
  if [ -f "$SHARED/engine" ]; then
    local folder
    folder=$(cat "$SHARED/engine")
    engine_stop "$folder"
    case $folder in /var/lib/platformctl-lab-engine.*) rm -rf "$folder" ;; esac
    rm -f "$SHARED/engine"
  fi
}

# import_images [SOCKET]: lab/busybox:1 and :2, which have different ids; prints "NAME ID" a line. `sh` there is busybox.
import_images() {
  local socket=${1:-} work applet image
  client() { docker ${socket:+--host "unix://$socket"} "$@"; }
  for image in lab/busybox:1 lab/busybox:2; do
    if ! client image inspect "$image" >/dev/null 2>&1; then
      work=$(mktemp -d) || return 1
      mkdir -p "$work/bin" "$work/tmp" "$work/etc" && cp "$(command -v busybox)" "$work/bin/busybox" || return 1
      for applet in $(busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$work/bin/$applet"
      done
      chmod 1777 "$work/tmp"
      printf '%s\n' "${image#*:}" >"$work/etc/lab-image"
      tar -C "$work" --owner=0 --group=0 -c . | client import --change 'CMD ["sh"]' - "$image" >/dev/null || return 1
      rm -rf "$work"
      [ -n "$socket" ] || printf '%s\n' "$image" >>"$SHARED/images"
    fi
    printf '%s %s\n' "$image" "$(client image inspect --format '{{.Id}}' "$image")"
  done
}

# Containers, networks and volumes of the compose projects whose folder was in this lab.
remove_containers() { # DIR
  local line id project projects=() kind
  while IFS=$'\t' read -r id project line; do
    case $line in
      "$1"/*)
        docker rm -f -v "$id" >/dev/null 2>&1
        projects+=("$project")
        ;;
    esac
  done < <(docker ps -a --no-trunc --format '{{.ID}}\t{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.project.working_dir"}}')
  printf '%s\n' "${projects[@]}" | sort -u | while IFS= read -r project; do
    [ -n "$project" ] || continue
    [ -z "$(docker ps -aq --filter "label=com.docker.compose.project=$project")" ] || continue
    for kind in network volume; do
      docker "$kind" ls -q --filter "label=com.docker.compose.project=$project" | while IFS= read -r id; do docker "$kind" rm "$id" >/dev/null 2>&1; done
    done
  done
}
