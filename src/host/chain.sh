# Included by talk.sh and finish.sh (`#include`, see test/tools/types.ts).

# MIDDLE TIME: one line more in this host's audit chain (R-6). Sets SEQ and HASH. Under the chain's own lock, which the caller holds.
chain_append() {
  chain=$P/state/audit.jsonl SEQ=0 prev=0000000000000000000000000000000000000000000000000000000000000000
  if [ -s "$chain" ] && [ -n "$(tail -c 1 "$chain")" ]; then
    # A last line without a newline is a write that was cut off, and no damage (R-4).
    truncate -s $(($(wc -c <"$chain") - $(tail -n 1 "$chain" | wc -c))) "$chain" || return 1
  fi
  if [ -s "$chain" ]; then
    last=$(tail -n 1 "$chain")
    SEQ=${last#*:} SEQ=${SEQ%%,*} prev=${last##*:\"} prev=${prev%\"\}}
  fi
  SEQ=$((SEQ + 1))
  line="{\"seq\":$SEQ,\"time\":\"$2\",$1,\"prev\":\"$prev\""
  HASH=$(printf '%s' "$line" | sha256sum) || return 1
  HASH=${HASH%% *}
  printf '%s,"hash":"%s"}\n' "$line" "$HASH" >>"$chain" && sync "$chain"
}
