# Ends what runs under a claim. What has not started finds the claim taken and never will.
h_base=${1:-${XDG_STATE_HOME:-$HOME/.local/state}/handrail/steps} h_key=$2
h_head=0 h_limit=0
h_d=$h_base/$h_key
[ -d "$h_base" ] || mkdir -p -m 700 "$h_base"
mkdir -m 700 "$h_d" 2>/dev/null
while void; do
  h_d=$h_d.r
  mkdir -m 700 "$h_d" 2>/dev/null
done
[ -d "$h_d" ] && (set -C && echo "cancelled $3" >"$h_d/started") 2>/dev/null
state
if [ "$h_state" = running ]; then : >"$h_d/cancelled"; fi
if [ "$h_state" = running ] || [ "$h_group" -gt 0 ]; then
  end_group 2>/dev/null
  h_tries=50
  state
  while [ "$h_tries" -gt 0 ] && { [ "$h_state" = running ] || [ "$h_group" -gt 0 ]; }; do
    sleep 0.1 2>/dev/null || sleep 1
    h_tries=$((h_tries - 1))
    state
  done
fi
answer 0 0
