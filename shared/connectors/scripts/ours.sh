# A pid is used again some day: it is believed only while its command line names what it does.
ours() {
  kill -s 0 "$1" 2>/dev/null || return 1
  if [ -r "/proc/$1/cmdline" ]; then
    grep -q -F -e "$2:$h_key:" "/proc/$1/cmdline"
  else
    ps -o args= -p "$1" | grep -q -F -e "$2:$h_key:"
  fi
}

# The number of a group is not given again while it has a member, and its leader is known by when
# it was born, where that can be seen.
our_group() {
  kill -0 "-$h_group" 2>/dev/null || return 1
  [ -n "$h_birth" ] && [ -r "/proc/$h_group/stat" ] || return 0
  read -r h_stat <"/proc/$h_group/stat" || return 0
  set -- ${h_stat##*) }
  [ "${20}" = "$h_birth" ]
}

# Whether the group has a member that is not a mere zombie, as far as this system can tell.
alive() {
  kill -0 "-$h_group" || return 1
  command -v ps >/dev/null || return 0
  ps -A -o pgid= -o stat= | grep -q "^ *$h_group  *[^Z ]"
}
