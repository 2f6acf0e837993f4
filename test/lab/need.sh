#!/usr/bin/env bash
# What a lab needs on this machine, and how to get it: Debian packages and two versions of docker compose. Sourced by lab.sh.

# command=package; `static:` asks for a busybox that runs without libraries, because it becomes an image.
NEEDED_COMMANDS=(
  docker=docker.io dockerd=docker.io sshd=openssh-server ssh=openssh-client ssh-keygen=openssh-client static:busybox=busybox-static
  shellcheck=shellcheck bwrap=bubblewrap git=git flock=util-linux setsid=util-linux ss=iproute2 ip=iproute2 strace=strace perl=perl-base zsh=zsh fish=fish
)

have_command() {
  case $1 in
    static:*) command -v "${1#static:}" >/dev/null && ! ldd "$(command -v "${1#static:}")" >/dev/null 2>&1 ;;
    dockerd) command -v dockerd >/dev/null || engine_answers ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

missing_packages() {
  local pair
  for pair in "${NEEDED_COMMANDS[@]}"; do
    have_command "${pair%%=*}" || printf '%s\n' "${pair#*=}"
  done | sort -u
}

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# The packages' services stay stopped: a lab starts its own, and this machine's port 22 is none of its business.
install_packages() {
  local policy=/usr/sbin/policy-rc.d made='' status=0
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=1
  fi
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -qq update \
    && apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends "$@"; } </dev/null || status=$?
  [ -z "$made" ] || rm -f "$policy"
  # Debian 13 has the client in a package of its own.
  if [ "$status" = 0 ] && ! command -v docker >/dev/null; then
    apt-get -o Acquire::Retries=3 -qq install -y --no-install-recommends docker-cli </dev/null || status=$?
  fi
  return "$status"
}

# `lab.sh need`: prints what is missing, one package a line, and installs it where that is possible.
need() {
  local missing
  missing=$(missing_packages)
  [ -z "$missing" ] || printf '%s\n' "$missing"
  if ! can_install; then
    [ "$(id -u)" = 0 ] || { printf 'root (sshd must log in as another user)\n' && return 1; }
    [ -z "$missing" ]
    return
  fi
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086 # package names, one word each
  install_packages $missing >&2 || return 1
  [ -z "$(missing_packages)" ]
}

# This machine's own Debian source, with another suite: its paragraph (deb822) or its line, so that mirrors and keys are the machine's.
source_for() { # SUITE FOLDER: prints the file that it wrote
  local suite=$1 folder=$2 codename file
  # shellcheck disable=SC1091
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  [ -n "$codename" ] || return 1
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    awk -v codename="$codename" -v suite="$suite" 'BEGIN { RS = ""; FS = "\n" }
      {
        types = suites = 0; text = ""
        for (i = 1; i <= NF; i++) {
          if ($i ~ /^Types:.*deb/) { types = 1; $i = "Types: deb" }
          if ($i ~ ("^Suites:(.* )?" codename "( |$)")) { suites = 1; $i = "Suites: " suite }
          if ($i ~ /^Components:/) $i = "Components: main"
          if ($i !~ /^#/) text = text $i "\n"
        }
        if (types && suites) { printf "%s", text; exit }
      }' "$file" >"$folder/$suite.sources"
    [ ! -s "$folder/$suite.sources" ] || { printf '%s' "$folder/$suite.sources" && return; }
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] || continue
    awk -v codename="$codename" -v suite="$suite" '$1 == "deb" {
        at = ($2 ~ /^\[/) ? 3 : 2
        while (at > 2 && $(at - 1) !~ /\]$/) at++
        if ($(at + 1) != codename) next
        line = ""
        for (i = 1; i <= at; i++) line = line $i " "
        print line suite " main"
        exit
      }' "$file" >"$folder/$suite.list"
    [ ! -s "$folder/$suite.list" ] || { printf '%s' "$folder/$suite.list" && return; }
  done
  return 1
}

# compose_version FILE: `2.26.1-4`
compose_version() { "$1" version --short 2>/dev/null; }

fetch_compose() { # SUITE TARGET
  local work source status=0
  work=$(mktemp -d) || return 1
  (
    cd "$work" && mkdir -p lists/partial cache/archives/partial || exit 1
    source=$(source_for "$1" "$work") || { say "no Debian source on this machine to fetch docker-compose of $1 from" && exit 1; }
    set -- -qq -o Acquire::Retries=3 -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$source" -o Dir::Etc::SourceParts=/dev/null \
      -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o Acquire::Languages=none \
      -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o APT::Update::Post-Invoke-Success=
    apt-get "$@" update && apt-get "$@" download docker-compose && dpkg-deb -x docker-compose_*.deb out
  ) </dev/null || status=1
  if [ "$status" = 0 ]; then
    mkdir -p "${2%/*}" && cp "$work/out/usr/libexec/docker/cli-plugins/docker-compose" "$2.new" && chmod 755 "$2.new" && mv -f "$2.new" "$2" || status=1
  fi
  rm -rf "$work"
  return "$status"
}

# ensure_compose NAME SUITE: prints the cached binary's path. The plugin that the machine has is taken where it is of that version;
# a suite that moved on since is taken as it is (settings.json says which version it got).
ensure_compose() {
  local target=$CACHE/compose-$1/docker-compose here
  if ! [ -x "$target" ] || [ -z "$(compose_version "$target")" ]; then
    for here in /usr/libexec/docker/cli-plugins/docker-compose /usr/lib/docker/cli-plugins/docker-compose; do
      case $(compose_version "$here") in
        "$1".* | "v$1".*)
          mkdir -p "${target%/*}" && cp "$here" "$target.new" && mv -f "$target.new" "$target" && break
          ;;
      esac
    done
    [ -x "$target" ] || { say "fetching docker compose of Debian $2" && fetch_compose "$2" "$target"; } || return 1
  fi
  printf '%s' "$target"
}
