# Takes the claim and runs the command under a wrapper that outlives this shell; or says who has it.
h_base=${1:-${XDG_STATE_HOME:-$HOME/.local/state}/handrail/steps} h_key=$2 h_mine=$3
h_time=$4 h_blocks=$5 h_head=$6 h_limit=$7 h_hold=$8 h_into=$9
shift 9
h_length=$1 h_command=$2 h_wrap=$3
h_d=$h_base/$h_key

claim() {
  mkdir -m 700 "$h_d" 2>/dev/null && return
  [ ! -d "$h_d" ] && mkdir -p -m 700 "$h_base" && mkdir -m 700 "$h_d"
}

refuse() {
  h_state=failed h_code=-1 h_group=0
  answer 0 0
  exit
}

until claim; do
  [ -d "$h_d" ] || refuse
  if ! void; then
    state
    answer 0 0
    exit
  fi
  h_d=$h_d.r
done

h_whole=0
[ "$h_into" = command ] || printf %s "$h_command" >"$h_d/command" || h_whole=1
# A connection that broke half-way must not leave half a command to run.
if [ -n "$h_into" ]; then
  cat >"$h_d/$h_into"
  set -- $(wc -c <"$h_d/$h_into")
  [ "$1" -eq "$h_length" ] || h_whole=1
fi
if [ "$h_whole" -eq 0 ]; then
  # In the foreground: what a shell starts in the background has SIGINT ignored for good.
  setsid sh -c "$h_wrap" "handrail-run:$h_key:" "$h_d" "$h_key" "$h_mine" "$h_time" "$h_blocks" \
    "$h_head" "$$" "$h_hold" </dev/null >/dev/null 2>"$h_d/trouble"
fi
state
if [ "$h_state" = unstarted ] && (set -C && echo "void $h_mine" >"$h_d/started") 2>/dev/null; then
  [ -e "$h_d/trouble" ] && cat "$h_d/trouble" >&2
  refuse
fi
answer 0 0
