# Included by finish.sh: putting back what was there before a change (B-1, V-3, X-12). Of its run: what was SWAPPED, whether compose was STARTED_UP, WHY it
# failed, and the BACK_* of its settings.
# shellcheck disable=SC2034,SC2154 # finish.sh reads what seems unused, and sets what seems never set

# An engine that is being restarted, as an upgrade of its package does, is waited for: without it nothing that was there before can run again.
engine() {
  patience=$(($(now) + ENGINE_SECONDS)) missed=0
  until ids >/dev/null; do
    [ "$missed" = 1 ] || journal back waiting 0 engine_silent
    missed=1
    [ "$(now)" -lt "$patience" ] || return 1
    sleep 1
  done
}

# Puts the files of this run's swap back, byte and mode; what was not there is removed (B-1). Links and renames only: no new disk space.
files_back() {
  bad=0 number=0
  while IFS= read -r line; do
    number=$((number + 1))
    [ "$number" -le "$SWAPPED" ] || break
    swapping "$line"
    if [ -e "$W/kept/$number" ]; then
      # Never taken away, as in a folder that turned read-only.
      [ "$(stat -c %d:%i -- "$f")" != "$(stat -c %d:%i -- "$W/kept/$number")" ] || continue
      # A second name where there is room for one, so that the kept file stays; a rename of the kept file itself needs none.
      if ! { ln -f -- "$W/kept/$number" "$f.platformctl" && mv -f -- "$f.platformctl" "$f"; } && ! mv -f -- "$W/kept/$number" "$f"; then bad=1; fi
      rm -f -- "$f.platformctl"
    elif [ "$op" = put ]; then
      rm -f -- "$f" || bad=1
    fi
  done <"$G/swap"
  # Twice: a parent that two folders share is empty only after the second.
  for _ in 1 2; do while IFS= read -r made; do rmdir -- "$made" 2>/dev/null; done <"$W/made"; done
  return $bad
} 2>>"$W/back.err"

# Containers that an interrupted `up` created and never started (X-12): those of the plan's list, and any that the plan did not see.
leftovers() {
  for id in $LEFTOVER $(ids --filter status=created); do
    case " $LEFTOVER " in
      *" $id "*) ;;
      *) case " $BEFORE " in *" $id "*) continue ;; esac ;;
    esac
    [ "$(docker_ inspect --type container --format '{{.State.Status}}' "$id" 2>/dev/null)" = created ] || continue
    docker_ rm "$id" >>"$W/up.out" 2>>"$W/up.err" || :
  done
}

# The end of what the container said, before anything is put back (V-3).
container_log() { [ -z "$ID" ] || docker_ logs --tail 50 "$ID" 2>&1 | tail -c 65536 >"$W/container.log"; }

# What the new container mounts goes away now: one that the engine starts again meanwhile would bring each back as an empty folder of root's.
halt() {
  set --
  for id in $(ids); do
    case " $BEFORE " in *" $id "*) ;; *) set -- "$@" "$id" ;; esac
  done
  [ $# = 0 ] || step halt "$COMPOSE_SECONDS" docker stop "$@"
}

back_failed() { # REASON: putting back failed too, act now
  WHY=$failed:$1
  record rollback_failed || journal record failed 1
  finish 12 rollback_failed
}

roll_back() {
  failed=$WHY
  journal back started 0 "$(fact "$WHY")"
  if [ "$STARTED_UP" = 0 ]; then
    # Nothing of the engine's was touched: the files wait for nobody.
    files_back
    put=$?
    engine
    look
    container_log
    [ "$put" = 0 ] || back_failed files_not_back
  else
    engine
    there=$?
    look
    container_log
    halt
    files_back || back_failed files_not_back
    # Once more: the engine may have gone away under it, and what it starts again by itself looks as if it had restarted. Whether it was away cannot
    # be seen where systemd holds its socket.
    service_back || { [ "$there" = 0 ] && sleep 1 && engine && service_back; } || {
      look || WHY=engine_silent
      back_failed "$WHY"
    }
  fi
  WHY=$failed
  if ! record rolled_back; then
    journal record failed 1
  fi
  finish 11 rolled_back
}

service_back() {
  case $BACK in
    nothing)
      for id in $(ids); do
        docker_ rm -f "$id" >>"$W/back.out" 2>>"$W/back.err"
      done
      if ! look || [ "$COUNT" != 0 ]; then WHY=not_removed; return 1; fi
      ;;
    *)
      leftovers
      look
      untouched && stays && return 0
      if [ "$BACK" = cannot ]; then WHY=no_release_kept; return 1; fi
      container_back
      ;;
  esac
}

# compose failed before it touched the old container: it is as it was found.
untouched() {
  [ "$COUNT" = 1 ] && [ "$STARTED" = "$BACK_STARTED" ] || return 1
  case "$BACK:$STATE" in
    running:running | cannot:running | stopped:exited | stopped:created | stopped:dead | stopped:paused) ;;
    *) return 1 ;;
  esac
  case " $BEFORE " in *" $ID "*) ;; *) return 1 ;; esac
}

# A compose that was killed may have asked the engine to stop it, and `running` is what it is until its grace is over (X-12).
stays() {
  if [ "$KILLED" = 0 ] || [ "$STATE" != running ]; then return 0; fi
  TIMEOUT=$((BACK_TIMEOUT + STOP_GRACE)) STABLE=$((STOP_GRACE + 5)) EXITS='' HTTP=''
  verify
}

# The previous image by its id, with the previous files; then it must be as it was found.
container_back() {
  set --
  while IFS= read -r word; do set -- "$@" "$word"; done <"$G/back"
  step restore "$COMPOSE_SECONDS" "$@" || { WHY=compose_$?; return 1; }
  look || { WHY=engine_silent; return 1; }
  if [ "$IMG" != "$BACK_IMAGE" ]; then WHY=other_image; return 1; fi
  case $BACK in
    running)
      TIMEOUT=$BACK_TIMEOUT STABLE=$BACK_STABLE EXITS=$BACK_EXITS HTTP=$BACK_HTTP HTTP_STATUS=$BACK_HTTP_STATUS
      verify || return 1
      journal verify again 0
      ;;
    *) [ "$COUNT" = 1 ] || { WHY=several_containers; return 1; } ;;
  esac
}
