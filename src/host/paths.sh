# Where paths beneath ROOT really are. Needs ROOT, and REAL: ROOT with every link followed.

# The folder that holds PATH, as far as it exists, with every link followed.
parent() {
  d=$1
  while d=${d%/*} && [ -n "$d" ]; do
    [ -d "$d" ] && { (cd -P -- "$d" && pwd -P) && return; return 1; }
  done
  printf '/\n'
}
