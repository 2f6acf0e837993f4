# Included by talk.sh and finish.sh (`#include`, see test/tools/types.ts). Of a run: W its folder, G its folder `go`, MODULE, RELEASE, and what was found: WHY
# ID LABEL IMG.

#include chain.sh

fact() {
  case $1 in '' | *[!0-9A-Za-z._:-]*) printf 'none' ;; *) printf '%s' "$1" ;; esac
}

put_whole() { # F, from F.new: the old or the new document at any moment (R-4)
  sync "$1.new" && mv -f "$1.new" "$1" && sync "${1%/*}"
}

# OUTCOME: the audit line, then the status with the chain's head (R-2, R-6), under the chain's own lock.
record() {
  outcome=$1
  (
    flock -w 60 9 || exit 1
    # One by one: where a command stands within another's words, nobody sees that it failed.
    ended=$(date -u +%Y-%m-%dT%H:%M:%SZ) && middle=$(cat "$G/audit.$outcome") || exit 1
    chain_append "$middle" "$ended" || exit 1
    F=$P/state/modules/$MODULE.status.json
    {
      cat "$G/status.$outcome" || exit 1
      if [ "$outcome" != applying ]; then
        why=$(fact "$WHY") && id=$(fact "$ID") && container=$(fact "$LABEL") || exit 1
        if [ -z "$ID" ]; then id=null container=null; else id="\"$id\"" container="\"$container\""; fi
        printf '%s","ended_at":"%s"},"container_id":%s,"container_hash":%s' "$why" "$ended" "$id" "$container" || exit 1
        [ "$outcome" != applied ] || printf ',"applied_at":"%s"' "$ended" || exit 1
      fi
      printf ',"audit":{"seq":%s,"hash":"%s"}}\n' "$CHAIN_SEQ" "$CHAIN_HASH" || exit 1
    } >"$F.new" && put_whole "$F"
  ) 9>>"$P/locks/audit" 2>>"$W/record.err"
}

# Keeps what was applied as a release, with its plan.
keep() {
  # A second name, not a copy: it needs no room.
  ln -f "$G/plan.json" "$W/stage/plan.json" && sync "$W/stage/plan.json" || return 1
  mkdir -p "$P/releases/$MODULE" && rm -rf "$P/releases/$MODULE/$RELEASE" && mv "$W/stage" "$P/releases/$MODULE/$RELEASE" || return 1
  sync "$P/releases/$MODULE"
}

# Gives a kept release's image a tag of its own, so that a prune cannot take it (X-11).
protect() { tag=$(cat "$G/tag") && docker_ tag "$IMG" "$tag" >/dev/null 2>>"$W/record.err"; }
