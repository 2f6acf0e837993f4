# What happens from `go` on, without anybody (X-5): intent, files, compose, smoke, roll back, record. Started by talk.sh in a session of its
# own, holding the locks; its input is the run's folder, its output goes to files there. Arguments: ROOT RUN.
#
# It decides only by exit codes and by comparing words. The client rendered every document of every outcome beforehand; facts that are added
# here are ids, digits, times and reason words (`fact`), so nothing is escaped, searched or parsed.
# shellcheck disable=SC2034,SC2119,SC2120 # record.sh reads what seems unused, back.sh gives what seems never given
set -u
umask 077
export LC_ALL=C
ROOT=$1 RUN=$2
P=$ROOT/.platform
W=$P/runs/$RUN
G=$W/go

MODULE='' PROJECT='' SERVICE='' COMPOSE_SECONDS=300 ENGINE_SECONDS=120 TIMEOUT=120 STABLE=30 EXITS='' HTTP='' HTTP_STATUS='' IMAGE='' BEFORE=''
# What is known of the container where the engine has not answered.
nothing_seen() {
  COUNT=0 ID='' IMG='' STATE=absent HEALTH=none RESTARTS=0 STARTED='' EXIT=0 LABEL='' unseen=0
}
nothing_seen
FRESH=0 ADOPT=0 REMOVE=0 RELEASE='' BACK='' BACK_IMAGE='' BACK_STARTED='' WHY='' LEFTOVER=''
BACK_TIMEOUT=120 BACK_STABLE=30 BACK_EXITS='' BACK_HTTP='' BACK_HTTP_STATUS='' STOP_GRACE=10 WHOLE=0
while IFS= read -r line; do
  value=${line#*=}
  case $line in
    module=*) MODULE=$value ;;
    project=*) PROJECT=$value ;;
    service=*) SERVICE=$value ;;
    compose_seconds=*) COMPOSE_SECONDS=$value ;;
    engine_seconds=*) ENGINE_SECONDS=$value ;;
    timeout=*) TIMEOUT=$value ;;
    stable=*) STABLE=$value ;;
    exits=*) EXITS=$value ;;
    http=*) HTTP=$value ;;
    http_status=*) HTTP_STATUS=$value ;;
    image=*) IMAGE=$value ;;
    before=*) BEFORE=$value ;;
    fresh=*) FRESH=$value ;;
    adopt=*) ADOPT=$value ;;
    remove=*) REMOVE=$value ;;
    release=*) RELEASE=$value ;;
    leftover=*) LEFTOVER=$value ;;
    back=*) BACK=$value ;;
    back_image=*) BACK_IMAGE=$value ;;
    back_started=*) BACK_STARTED=$value ;;
    back_timeout=*) BACK_TIMEOUT=$value ;;
    back_stable=*) BACK_STABLE=$value ;;
    back_exits=*) BACK_EXITS=$value ;;
    back_http=*) BACK_HTTP=$value ;;
    back_http_status=*) BACK_HTTP_STATUS=$value ;;
    stop_grace=*) STOP_GRACE=$value ;;
    whole=*) WHOLE=$value ;;
  esac
done <"$G/settings"

while IFS= read -r lock; do { printf '%s\n' $$ && cat "$W/holder"; } >"$P/locks/$lock"; done <"$W/locks" 2>/dev/null

# Seconds since the host started: no clock that somebody may set.
now() {
  IFS='. ' read -r seconds _ </proc/uptime
  printf '%s' "$seconds"
}

# The same in hundredths: of whole seconds a stable time would lack up to one.
ticks() {
  IFS='. ' read -r seconds hundredths _ </proc/uptime
  printf '%s' "$seconds$hundredths"
}

# step, state, exit, seconds, detail: one whole line in one write (R-4). A full disk must not stop a roll back.
journal() {
  printf '%s %s %s %s %s\n' "$1" "$2" "$3" "$(now)" "${4:--}" >>"$W/journal" && sync "$W/journal"
} 2>/dev/null

clean() {
  env -i PATH="$PATH" HOME="${HOME:-/}" ${DOCKER_CONFIG:+"DOCKER_CONFIG=$DOCKER_CONFIG"} "$@"
}

docker_() { clean timeout -s KILL 30 docker "$@" </dev/null; }

# A process's state letter and group, none where it is gone. Its name may hold anything, so what counts comes behind the last `)`.
process() {
  line=''
  { IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null
  # shellcheck disable=SC2086
  set -- ${line##*)}
  PSTATE=${1:-} PGROUP=${3:-}
}

alive() { process "$1" && [ -n "$PSTATE" ] && [ "$PSTATE" != Z ]; }

# Is nothing of a process group left? Dead ones that nobody reaped hold nothing.
gone() {
  kill -0 "-$1" 2>/dev/null || return 0
  for entry in /proc/[0-9]*; do
    process "${entry#/proc/}"
    [ "$PGROUP" != "$1" ] || [ "$PSTATE" = Z ] || return 1
  done
}

# NAME SECONDS COMMAND...: a step in a process group of its own. At its deadline the group gets TERM, after 10 s KILL; it goes on only when
# nothing of it is left. 124: the deadline. KILLED: what a step asked the engine for may still be going on.
KILLED=0
step() {
  name=$1 limit=$2
  shift 2
  journal "$name" started 0
  # A simple command, so that `$!` is the group's leader: a function in the background is a shell between the two.
  env -i PATH="$PATH" HOME="${HOME:-/}" ${DOCKER_CONFIG:+"DOCKER_CONFIG=$DOCKER_CONFIG"} setsid "$@" </dev/null >>"$W/$name.out" 2>>"$W/$name.err" &
  child=$!
  end=$(($(now) + limit)) hit=0
  while alive "$child"; do
    if [ "$(now)" -ge "$end" ]; then
      hit=$((hit + 1))
      case $hit in
        1) kill -TERM "-$child" 2>/dev/null; end=$(($(now) + 10)) ;;
        *) kill -KILL "-$child" 2>/dev/null; end=$(($(now) + 10)) ;;
      esac
    fi
    sleep 0.1 2>/dev/null || sleep 1
  done
  wait "$child"
  code=$?
  if ! gone "$child"; then
    kill -TERM "-$child" 2>/dev/null
    waited=0
    until gone "$child"; do
      [ "$waited" -lt 10 ] || kill -KILL "-$child" 2>/dev/null
      waited=$((waited + 1))
      sleep 1
    done
  fi
  [ "$hit" = 0 ] || code=124
  [ "$code" -lt 124 ] || KILLED=1
  journal "$name" ended "$code"
  return "$code"
}

# ------------------------------------------------------------ looking at the service

# The service's containers, never those of `docker compose run`.
ids() {
  docker_ ps -aq --no-trunc --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$SERVICE" \
    --filter label=com.docker.compose.oneoff=False "$@"
}

# How they are: COUNT, and of the (last) one ID IMG STATE HEALTH RESTARTS STARTED EXIT LABEL.
look() {
  nothing_seen
  found=$(ids) || return 1
  for id in $found; do
    words=$(docker_ inspect --type container --format \
      '{{.Id}} {{.Image}} {{.State.Status}} {{with index .State "Health"}}{{.Status}}{{else}}none{{end}} {{.RestartCount}} {{.State.StartedAt}} {{.State.ExitCode}} {{index .Config.Labels "com.docker.compose.config-hash"}}' \
      "$id") || { unseen=1 && continue; }
    # shellcheck disable=SC2086
    set -- $words
    COUNT=$((COUNT + 1)) ID=$1 IMG=$2 STATE=$3 HEALTH=$4 RESTARTS=$5 STARTED=$6 EXIT=$7 LABEL=${8:-}
  done
  # One that was listed and could not be looked at: it just went away, or the engine does not answer. The next look tells.
  [ "$unseen" = 0 ]
}

fetch() { # the status that URL answers, from the host itself: no redirect, no proxy (V-2)
  if command -v curl >/dev/null 2>&1; then
    clean timeout 6 curl -s -o /dev/null -w '%{http_code}' --max-time 5 --max-redirs 0 --noproxy '*' -- "$1"
  elif wget --version >/dev/null 2>&1; then
    clean timeout 6 wget -q -S -O /dev/null --max-redirect=0 --no-proxy -T 5 -t 1 -- "$1" 2>&1 | while read -r proto code _; do
      case $proto in HTTP/*) printf '%s' "$code" && break ;; esac
    done
  else
    rest=${1#http://}
    where=${rest%%/*} path=/
    case $rest in */*) path=/${rest#*/} ;; esac
    port=80
    case $where in *:*) port=${where##*:} ;; esac
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$path" "$where" | clean timeout 5 busybox nc "${where%:*}" "$port" 2>/dev/null | {
      read -r _ code _ && printf '%s' "$code"
    }
  fi
}

# V-1: reach running and healthy within TIMEOUT, then stay so for STABLE. WHY says in one word why not.
verify() {
  limit=$(($(ticks) + TIMEOUT * 100)) since='' mark='' told='' tried=0 silent=''
  while :; do
    moment=$(ticks)
    if ! look; then
      # For a while also behind the limit, where the stable time is the longer one.
      silent=${silent:-$moment}
      if [ "$moment" -ge "$limit" ] && [ $((moment - silent)) -ge 1500 ]; then WHY=engine_silent; return 1; fi
      sleep 1
      continue
    fi
    silent=''
    if [ "$COUNT" = 0 ]; then WHY=no_container; return 1; fi
    if [ "$COUNT" != 1 ]; then WHY=several_containers; return 1; fi
    if [ -n "$EXITS" ]; then
      case $STATE in
        exited)
          [ "$EXIT" = "$EXITS" ] && return 0
          WHY=exited_$EXIT
          return 1
          ;;
        dead | restarting) WHY=${STATE}_$EXIT; return 1 ;;
      esac
    else
      case $STATE in
        exited | dead) WHY=exited_$EXIT; return 1 ;;
        restarting) WHY=restarting_$EXIT; return 1 ;;
        running)
          new="$ID $STARTED $RESTARTS"
          case " $BEFORE " in *" $ID "*) ;; *) [ "$RESTARTS" = 0 ] || { WHY=restarted; return 1; } ;; esac
          if [ -n "$mark" ] && [ "$new" != "$mark" ]; then WHY=restarted; return 1; fi
          mark=$new
          case $HEALTH in
            unhealthy) WHY=unhealthy; return 1 ;;
            starting) since='' ;;
            *)
              if [ -n "$HTTP" ] && [ -z "$since" ] && [ $((moment - tried)) -ge 200 ]; then
                tried=$moment
                answered=$(fetch "$HTTP")
                if [ "$answered" = "$HTTP_STATUS" ]; then since=$(ticks); fi
              elif [ -z "$HTTP" ] && [ -z "$since" ]; then
                since=$moment
              fi
              ;;
          esac
          if [ -n "$since" ] && [ $((moment - since)) -ge $((STABLE * 100)) ]; then return 0; fi
          ;;
        # Paused, created, being removed: it does not run, and has no stable time.
        *) since='' ;;
      esac
    fi
    if [ -z "$since" ] && [ "$moment" -ge "$limit" ]; then
      WHY=timeout
      [ -z "$HTTP" ] || WHY=http_$(fact "${answered:-none}")
      [ "$HEALTH" != starting ] || WHY=still_starting
      return 1
    fi
    if [ "$told" != "$STATE:$HEALTH:${since:+stable}" ]; then
      told=$STATE:$HEALTH:${since:+stable}
      journal verify waiting 0 "$STATE:$HEALTH"
    fi
    sleep 0.5 2>/dev/null || sleep 1
  done
}

# V-4: the image and the files are those of the plan, and what reads changed files started after they were swapped in.
same() {
  if [ "$IMG" != "$IMAGE" ]; then WHY=other_image; return 1; fi
  if [ "$FRESH" = 1 ]; then case " $BEFORE " in *" $ID "*) WHY=not_recreated; return 1 ;; esac; fi
  while IFS= read -r line; do
    # One by one: `read` would cut the spaces that a name may end with.
    how=${line%% *} line=${line#* }
    digest=${line%% *} line=${line#* }
    mode=${line%% *} path=${line#* }
    case $how in
      keyed) found=$({ cat "$P/key" && sha256sum <"$ROOT/$path"; } | sha256sum) ;;
      *) found=$(sha256sum <"$ROOT/$path") ;;
    esac
    if [ "${found%% *}" != "$digest" ]; then WHY=file_changed; return 1; fi
    if [ "$mode" != - ] && [ "$(stat -c %a -- "$ROOT/$path")" != "$mode" ]; then WHY=mode_changed; return 1; fi
  done <"$G/expect"
}

# ------------------------------------------------------------ record

#include record.sh

# Releases that no status names any more.
prune() {
  while IFS=' ' read -r old oldtag; do
    [ -n "$old" ] || continue
    rm -rf "$P/releases/$MODULE/$old"
    docker_ rmi "$oldtag" >/dev/null 2>&1 || :
  done <"$G/prune"
}

finish() { # CODE OUTCOME
  journal end "$2" "$1" "$(fact "$WHY")"
  exit "$1"
}

# Ended before step 7: what was staged is room that the host may need.
unchanged() {
  rm -rf "$W/stage" "$W/new" "$W/kept"
  finish 7 remote_failed
}

# ------------------------------------------------------------ roll back

#include back.sh

# ------------------------------------------------------------ the run

SWAPPED=0 STARTED_UP=0

# A line of go/swap: op, mode, and the path, which may end with spaces.
swapping() {
  op=${1%% *} f=$ROOT/${1#* * }
}

# The last word of the settings: without it they were not read to their end.
[ "$WHOLE" = 1 ] || { WHY=no_settings; unchanged; }
# What putting back writes to exists before anything is changed: it must work on a disk that is full by then (B-1).
for name in made up.out up.err stop.out stop.err rm.out rm.err halt.out halt.err restore.out restore.err back.out back.err container.log record.err; do
  # Not `:`, whose redirection would end the shell where it fails.
  true >"$W/$name" || { WHY=no_room; unchanged; }
done
cd "$ROOT" || { WHY=no_root; unchanged; }
journal start started 0

# 6. the intent: without it nothing is changed
if ! record applying; then
  journal intent failed 1
  WHY=not_recorded
  rm -f "$P/state/modules/$MODULE.status.json.new"
  unchanged
fi
journal intent ended 0

# 7. the files
folders() {
  while IFS= read -r folder; do
    [ -d "$ROOT/$folder" ] && continue
    d=$ROOT/$folder
    while [ ! -d "$d" ]; do
      printf '%s\n' "$d" >>"$W/made" || { WHY=folder; roll_back; }
      d=${d%/*}
    done
    (umask 022 && mkdir -p -- "$ROOT/$folder") || { WHY=folder; roll_back; }
  done <"$G/folders"
}

files() {
  number=0
  while IFS= read -r line; do
    number=$((number + 1))
    swapping "$line"
    rm -f "$W/kept/$number"
    [ ! -e "$f" ] || ln -- "$f" "$W/kept/$number" || { WHY=keep; roll_back; }
    SWAPPED=$number
    case $op in
      put) mv -f -- "$W/new/$number" "$f" || { WHY=swap; roll_back; } ;;
      remove) rm -f -- "$f" || { WHY=swap; roll_back; } ;;
    esac
    sync "${f%/*}" || { WHY=swap; roll_back; }
  done <"$G/swap"
  journal files ended 0 "$number"
}

# P-13: the service's containers go, and only then the files that they mount. Volumes stay, anonymous ones too.
take_away() {
  found=$(ids) || { WHY=engine_silent; roll_back; }
  # shellcheck disable=SC2086
  set -- $found
  [ $# != 0 ] || return 0
  STARTED_UP=1
  for word in stop rm; do
    step "$word" "$COMPOSE_SECONDS" docker "$word" "$@" || {
      code=$?
      WHY=remove_$code
      roll_back
    }
  done
}

if [ "$REMOVE" = 1 ]; then
  take_away
  files
  look || { sleep 2 && look; } || { WHY=engine_silent; roll_back; }
  [ "$COUNT" = 0 ] || { WHY=not_gone; roll_back; }
  WHY=removed
  if record removed; then
    journal record ended 0
    finish 9 removed
  fi
  journal record failed 1
  finish 16 applied_unrecorded
fi
folders
files

# 8. compose
if [ -s "$G/up" ]; then
  leftovers
  STARTED_UP=1
  set --
  while IFS= read -r word; do set -- "$@" "$word"; done <"$G/up"
  step up "$COMPOSE_SECONDS" "$@" || {
    code=$?
    WHY=compose_$code
    roll_back
  }
fi

# 9. smoke
journal verify started 0
if verify && same; then
  journal verify ended 0 "$(fact "$ID")"
else
  journal verify ended 1 "$(fact "$WHY")"
  if [ "$ADOPT" = 1 ]; then
    container_log
    record not_adopted || journal record failed 1
    finish 7 remote_failed
  fi
  roll_back
fi

# 10. record
WHY=healthy
if keep && { protect || journal tag failed 1 || :; } && record applied; then
  journal record ended 0
  prune
  finish 9 applied
fi
journal record failed 1
finish 16 applied_unrecorded
