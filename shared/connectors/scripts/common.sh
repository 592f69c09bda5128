# How a claim is read. `h_d` is its directory, `h_key` its key. All names begin with `h_`, since a
# name that happens to be exported on the target would be changed for the command as well.

# A claim that was given up before its command started is void; the next one lies beside it.
void() {
  h_pid= h_owner=-
  [ -e "$h_d/started" ] && read -r h_pid h_owner <"$h_d/started" && [ "$h_pid" = void ]
}

# The line break at its end makes the file whole.
ended() {
  [ -e "$h_d/exit" ] && read -r h_code <"$h_d/exit"
}

# What the command and the children it waited for took: seconds as the user and as the system.
cpu() {
  h_cpu=-
  [ -e "$h_d/times" ] && { read -r h_user h_system; read -r h_user h_system; } <"$h_d/times" &&
    h_cpu=$h_user+$h_system
}

state() {
  h_code=-1 h_group=0
  if [ ! -d "$h_d" ]; then h_state=absent
  elif void; then h_state=void
  elif [ "$h_pid" = cancelled ]; then h_state=cancelled
  elif [ -z "$h_pid" ]; then h_state=unstarted
  elif ended; then h_state=ended
  elif ours "$h_pid" handrail-run; then h_state=running
  elif ended; then h_state=ended
  else
    h_state=gone
    [ -e "$h_d/group" ] && read -r h_group h_birth <"$h_d/group" && our_group && alive 2>/dev/null || h_group=0
  fi
}

cut_of() {
  h_cut=0
  [ -e "$h_d/$1.cut" ] && read -r h_cut <"$h_d/$1.cut"
  [ -n "$h_cut" ] || h_cut=0
}

# Writes at most `h_limit` bytes of the stream $1 from the offset $2 on, and leaves in `h_from` the
# offset they really begin at, or -1 when the file was cut meanwhile. Of a file that was cut, the
# first `h_head` bytes are there, then `h_cut` are missing, then come the rest.
piece() {
  cut_of "$1"
  h_was=$h_cut h_from=$2 h_size=$h_limit
  [ "$h_size" -gt 0 ] && [ -s "$h_d/$1" ] || return 0
  if [ "$h_cut" -gt 0 ] && [ "$h_from" -lt "$h_head" ]; then
    [ "$((h_head - h_from))" -ge "$h_size" ] || h_size=$((h_head - h_from))
  elif [ "$h_from" -lt "$((h_head + h_cut))" ] && [ "$h_cut" -gt 0 ]; then
    h_from=$((h_head + h_cut))
  fi
  h_at=$h_from
  [ "$h_from" -lt "$h_head" ] || h_at=$((h_from - h_cut))
  if [ "$h_at" -eq 0 ]; then
    head -c "$h_size" "$h_d/$1"
  else
    tail -c "+$((h_at + 1))" "$h_d/$1" | head -c "$h_size"
  fi
  cut_of "$1"
  if [ "$h_cut" -ne "$h_was" ] || [ -e "$h_d/$1.cutting" ]; then h_from=-1; fi
}

# Both outputs travel as themselves. What login files print comes before the first mark.
answer() {
  printf '\036handrail\n'
  [ -s "$h_d/stderr" ] && printf '\036handrail\n' >&2
  piece stdout "$1"
  h_out="$h_from $h_cut"
  piece stderr "$2" >&2
  h_timed=0 h_cancelled=0
  [ -e "$h_d/timed_out" ] && h_timed=1
  [ -e "$h_d/cancelled" ] && h_cancelled=1
  cpu
  printf '\n\036%s %s\n' \
    "$h_state $h_code $h_timed $h_cancelled ${h_owner:--} $h_group $h_cpu" "$h_out $h_from $h_cut"
}
