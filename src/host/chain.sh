# Included by talk.sh and finish.sh (`#include`, see test/tools/types.ts).

# MIDDLE TIME: one line more in this host's audit chain (R-6). Sets CHAIN_SEQ and CHAIN_HASH. Under the chain's own lock, which the caller holds.
chain_append() {
  chain=$P/state/audit.jsonl CHAIN_SEQ=0 prev=0000000000000000000000000000000000000000000000000000000000000000
  if [ -s "$chain" ] && [ -n "$(tail -c 1 "$chain")" ]; then
    # A last line without a newline is a write that was cut off, and no damage (R-4).
    truncate -s $(($(wc -c <"$chain") - $(tail -n 1 "$chain" | wc -c))) "$chain" || return 1
  fi
  if [ -s "$chain" ]; then
    last=$(tail -n 1 "$chain")
    CHAIN_SEQ=${last#*:} CHAIN_SEQ=${CHAIN_SEQ%%,*} prev=${last##*:\"} prev=${prev%\"\}}
    # Somebody wrote a line that is none. Nothing of it is taken over; the chain goes on behind it, so that `audit verify` finds both it and where it was.
    case $CHAIN_SEQ,$prev in
      *[!0-9a-f,]* | *[!0-9]*,* | 0* | ,* | *,*,* | ??????????????*,*) CHAIN_SEQ=-1 ;;
    esac
    if [ "$CHAIN_SEQ" = -1 ] || [ ${#prev} != 64 ]; then
      CHAIN_SEQ=$(($(wc -l <"$chain"))) prev=$(printf '%s' "$last" | sha256sum) || return 1
      prev=${prev%% *}
    fi
  fi
  CHAIN_SEQ=$((CHAIN_SEQ + 1))
  line="{\"seq\":$CHAIN_SEQ,\"time\":\"$2\",$1,\"prev\":\"$prev\""
  CHAIN_HASH=$(printf '%s' "$line" | sha256sum) || return 1
  CHAIN_HASH=${CHAIN_HASH%% *}
  printf '%s,"hash":"%s"}\n' "$line" "$CHAIN_HASH" >>"$chain" && sync "$chain"
}
