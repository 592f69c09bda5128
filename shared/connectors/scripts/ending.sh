# Ends the process group of the claim: asked first, and forced after two seconds.
end_group() {
  h_tries=50
  until [ -s "$h_d/group" ] || [ "$h_tries" -eq 0 ]; do
    sleep 0.1 || sleep 1
    h_tries=$((h_tries - 1))
  done
  read -r h_group h_birth <"$h_d/group" || return
  kill -TERM "-$h_group"
  kill -CONT "-$h_group"
  h_tries=20
  while [ "$h_tries" -gt 0 ] && alive; do
    sleep 0.1 || sleep 1
    h_tries=$((h_tries - 1))
  done
  kill -KILL "-$h_group"
}
