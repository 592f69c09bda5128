# Runs the command as its own process group, keeps its timeout and writes how it ended.
h_d=$1 h_key=$2 h_mine=$3 h_time=$4 h_blocks=$5 h_head=$6 h_launcher=$7 h_hold=$8

# In hundredths of a second; of the clock that nobody sets, where there is one.
now() {
  if [ -r /proc/uptime ]; then
    IFS=' .' read -r h_whole h_part h_rest </proc/uptime
    h_now=$h_whole$h_part
  else
    h_now=$(date +%s)00
  fi
}

# Waits for at most a second, and less where less is left; the trap ends it.
nap() {
  if [ "$1" -ge 100 ]; then sleep 1 &
  elif [ "$1" -ge 10 ]; then sleep "0.$1" &
  else sleep "0.0$1" &
  fi
  wait "$!"
}

# A runaway output must not fill the disk. While its middle is taken out the writers stand still,
# so that the count of what is missing is right.
trim() {
  [ -n "$(find "$h_d/$1" -size "+$h_blocks" 2>/dev/null)" ] || return 0
  read -r h_group h_birth <"$h_d/group"
  kill -STOP "-$h_group"
  : >"$h_d/$1.cutting"
  h_cut=0
  [ -e "$h_d/$1.cut" ] && read -r h_cut <"$h_d/$1.cut"
  set -- "$1" $(wc -c <"$h_d/$1")
  dd if=/dev/null of="$h_d/$1" bs="$h_head" seek=1
  echo "$((h_cut + $2 - h_head))" >"$h_d/$1.cut"
  rm -f "$h_d/$1.cutting"
  kill -CONT "-$h_group"
}

# The launching shell may not hold its channel for long: who wants to know the end asks again.
release() {
  [ "$h_hold" -gt 0 ] && [ "$h_now" -ge "$((h_began + h_hold))" ] || return 0
  h_hold=0
  ours "$h_launcher" handrail-ask && kill "$h_launcher"
}

# Without its wrapper the command is still held to its time.
deserted() {
  kill -s 0 "$$" && return 1
  read -r h_group h_birth <"$h_d/group" && alive && return 1
  return 0
}

guard() {
  h_over=
  trap 'h_over=1; kill "$!"' TERM
  now
  h_began=$h_now
  while [ "$h_now" -lt "$((h_began + h_time))" ]; do
    nap "$((h_began + h_time - h_now))"
    [ -z "$h_over" ] || exit
    trim stdout
    trim stderr
    deserted && exit
    now
    release
    [ -z "$h_over" ] || exit
  done
  trap '' TERM
  : >"$h_d/timed_out"
  end_group
}

# The group is known by its number and, where that can be seen, by when it was born. Signals that
# whoever started all of this has ignored, as nohup does, no shell can give back, but a newer env.
h_begin='
[ -r "/proc/$$/stat" ] && read -r h_stat <"/proc/$$/stat" && set -- ${h_stat##*) }
echo "$$ ${20}" >"$0/group"
[ "${31:-0}" != 0 ] && env --default-signal true 2>/dev/null &&
exec env --default-signal sh -c ". \"\$0/command\"" "$0"
set --
. "$0/command"'

# From here on nobody can take the claim for one that never started.
set -C
echo "$$ $h_mine" >"$h_d/started" || exit
set +C
exec 2>/dev/null
guard &
h_guard=$!
setsid sh -c "$h_begin" "$h_d" >>"$h_d/stdout" 2>>"$h_d/stderr"
h_code=$?
times >"$h_d/times"
# What has to be decided about the timeout is decided once the guard is gone.
kill "$h_guard"
wait "$h_guard"
[ -e "$h_d/timed_out" ] && h_code=124
[ -e "$h_d/source" ] && rm -f "$h_d/source"
echo "$h_code" >"$h_d/exit"
