# A pid is used again some day: it is believed only while its command line names what it does.
ours() {
  kill -s 0 "$1" 2>/dev/null || return 1
  if [ -r "/proc/$1/cmdline" ]; then
    grep -q -F -e "$2:$h_key:" "/proc/$1/cmdline"
  else
    ps -o args= -p "$1" | grep -q -F -e "$2:$h_key:"
  fi
}
