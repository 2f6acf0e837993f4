# The log of one container, for as long as somebody listens: whoever does says a line at least every PATIENCE seconds, and the end of the input ends it.
# Run as: sh -c 'eval "$1"' platformctl TEXT CONTAINER TAIL SINCE FOLLOW. SINCE may be empty; FOLLOW is 0 or 1. Both channels of the container come as one.
set -u
export LC_ALL=C
CONTAINER=$2 TAIL=$3 SINCE=$4 FOLLOW=$5
PATIENCE=60

set -- --tail "$TAIL"
[ -z "$SINCE" ] || set -- "$@" --since "$SINCE"
[ "$FOLLOW" = 0 ] || set -- "$@" --follow
exec 3<&0

# Each in a group of its own: whichever ends first, nothing of the other is left.
env -i PATH="$PATH" HOME="${HOME:-/}" ${DOCKER_CONFIG:+"DOCKER_CONFIG=$DOCKER_CONFIG"} setsid docker logs "$@" "$CONTAINER" </dev/null 2>&1 3<&- &
log=$!
# shellcheck disable=SC2016
setsid sh -c 'while timeout "$2" sh -c "IFS= read -r word"; do :; done
  kill -TERM "-$1"; sleep 5; kill -KILL "-$1"' platformctl "$log" "$PATIENCE" <&3 >/dev/null 2>&1 &
listener=$!
exec 3<&-
trap 'kill -TERM "-$log" 2>/dev/null' TERM HUP INT
wait "$log"
code=$?
kill -KILL "-$listener" 2>/dev/null
exit "$code"
