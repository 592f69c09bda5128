# Removes old claims, in the background; never a running one, nor one that a later one follows.
h_base=${1:-${XDG_STATE_HOME:-$HOME/.local/state}/handrail/steps}
sweep() {
  find "$h_base" ! -path "$h_base" -prune -type d -mtime "+$1" | while read -r h_d; do
    h_key=${h_d##*/}
    h_key=${h_key%%.*}
    state
    [ "$h_state" = running ] || [ "$h_group" -gt 0 ] || [ -d "$h_d.r" ] || rm -rf "$h_d"
  done
}
[ -d "$h_base" ] && sweep "$2" </dev/null >/dev/null 2>&1 &
