# Included by talk.sh and finish.sh (`#include`, see test/tools/types.ts).

# TEXT: its SHA-256 into HASH. By way of a file, for of a pipe nobody sees that its beginning failed.
hash_of() {
  printf '%s' "$1" >"$chain.new" && HASH=$(sha256sum <"$chain.new") && HASH=${HASH%% *}
}

# MIDDLE TIME: one line more in this host's audit chain (R-6). Sets CHAIN_SEQ and CHAIN_HASH. Under the chain's own lock, which the caller holds.
# What cannot be read is not what is not there: whatever fails, no line is added that does not follow from the one before.
chain_append() {
  chain=$P/state/audit.jsonl CHAIN_SEQ=0 prev=0000000000000000000000000000000000000000000000000000000000000000
  true >>"$chain" && size=$(stat -c %s "$chain") && tail -c 1 "$chain" >"$chain.new" && whole=$(wc -l <"$chain.new") || return 1
  if [ $((size)) != 0 ] && [ $((whole)) = 0 ]; then
    # A last line without a newline is a write that was cut off, and no damage (R-4).
    tail -n 1 "$chain" >"$chain.new" && torn=$(stat -c %s "$chain.new") && size=$((size - torn)) && truncate -s "$size" "$chain" || return 1
  fi
  if [ $((size)) != 0 ]; then
    last=$(tail -n 1 "$chain") || return 1
    CHAIN_SEQ=${last#*:} CHAIN_SEQ=${CHAIN_SEQ%%,*} prev=${last##*:\"} prev=${prev%\"\}}
    # Somebody wrote a line that is none. Nothing of it is taken over; the chain goes on behind it, so that `audit verify` finds both it and where it was.
    case $CHAIN_SEQ,$prev in
      *[!0-9a-f,]* | *[!0-9]*,* | 0* | ,* | *,*,* | ??????????????*,*) CHAIN_SEQ=-1 ;;
    esac
    if [ "$CHAIN_SEQ" = -1 ] || [ ${#prev} != 64 ]; then
      CHAIN_SEQ=$(wc -l <"$chain") && hash_of "$last" || return 1
      prev=$HASH
    fi
  fi
  CHAIN_SEQ=$((CHAIN_SEQ + 1))
  line="{\"seq\":$CHAIN_SEQ,\"time\":\"$2\",$1,\"prev\":\"$prev\""
  hash_of "$line" || return 1
  CHAIN_HASH=$HASH
  rm -f "$chain.new"
  printf '%s,"hash":"%s"}\n' "$line" "$CHAIN_HASH" >>"$chain" && sync "$chain"
}
