# What CONTAINER says of every container with this label. One that goes away between the list and the look makes docker tell of the others only, and fail:
# all are asked about again, for whoever removes many makes several looks meet one; not without end, and not where a look takes long.
described() {
  late=$(($(date +%s) + 30))
  for _ in 1 2 3 4 5; do
    ids=$(docker_ ps -aq --no-trunc --filter "label=$1" --filter label=com.docker.compose.oneoff=False) || return 1
    [ -n "$ids" ] || return 0
    # shellcheck disable=SC2086
    rows=$(docker_ inspect --type container --format "$CONTAINER" $ids) && printf '%s\n' "$rows" && return 0
    [ "$(date +%s)" -lt "$late" ] || return 1
  done
  return 1
}
