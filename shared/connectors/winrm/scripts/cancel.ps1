# Ends what runs under a claim. What has not started finds the claim taken and never will.
$null = [IO.Directory]::CreateDirectory($d)
$null = Take (Join-Path $d 'claim') $h.owner
$null = Take (Join-Path $d 'started') 'cancelled'
$state = State
if ($state -eq 'running') {
  $null = Take (Join-Path $d 'cancelled') ''
  $tries = 25
  while (-not (Text 'process') -and $tries -gt 0) { Start-Sleep -Milliseconds 200; $tries-- }
  $who = Text 'process'
  if ($who -and (Running $who)) {
    $id, $null = $who -split ' '
    $null = taskkill.exe /T /F /PID $id 2>&1
  }
  $tries = 25
  while ((State) -eq 'running' -and $tries -gt 0) { Start-Sleep -Milliseconds 200; $tries-- }
}
Answer (State)
