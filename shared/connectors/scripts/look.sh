# Says how a claim stands and what it wrote; waits a while for its end before it answers.
h_base=${1:-${XDG_STATE_HOME:-$HOME/.local/state}/handrail/steps} h_key=$2
h_head=$5 h_limit=$6 h_naps=$7
h_d=$h_base/$h_key
while void && [ -d "$h_d.r" ]; do h_d=$h_d.r; done
state
while [ "$h_naps" -gt 0 ]; do
  case $h_state in
    running) ended && break; kill -s 0 "$h_pid" 2>/dev/null || break ;;
    absent | unstarted) state ;;
    *) break ;;
  esac
  sleep 0.1 2>/dev/null || sleep 1
  h_naps=$((h_naps - 1))
done
state
answer "$3" "$4"
