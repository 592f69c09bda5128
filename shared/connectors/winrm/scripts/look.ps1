# Says how a claim stands and what it wrote; waits a while for its end before it answers.
$state = State
$until = (Get-Date).AddSeconds($h.wait)
while (('absent', 'unstarted', 'running' -contains $state) -and (Get-Date) -lt $until) {
  Start-Sleep -Milliseconds 200
  $state = State
}
Answer $state
