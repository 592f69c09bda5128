# Takes the claim and has the command run by a process that this session does not own.
if (-not (Test-Path -LiteralPath $base)) {
  $null = New-Item -ItemType Directory -Force -Path $base
  # What is written there is for this user, the system and administrators.
  $null = icacls $base /inheritance:r /grant:r "${env:USERNAME}:(OI)(CI)F" '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F'
}
$null = [IO.Directory]::CreateDirectory($d)
if (Take (Join-Path $d 'claim') $h.owner) {
  $bom = New-Object Text.UTF8Encoding $true
  [IO.File]::WriteAllText((Join-Path $d 'command.ps1'), $h.command, $bom)
  [IO.File]::WriteAllText((Join-Path $d 'wrap.ps1'), $h.wrap, $bom)
  # What a session starts itself is ended with it; what the system starts for it is not.
  $line = "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$d\wrap.ps1`" $($h.seconds)"
  $made = Invoke-CimMethod -ClassName Win32_Process -MethodName Create -Arguments @{ CommandLine = $line }
  if ($made.ReturnValue -ne 0) {
    if (Take (Join-Path $d 'started') 'cancelled') {
      Say @{ state = 'failed'; trouble = "Win32_Process.Create returned $($made.ReturnValue)" }
      return
    }
  }
}
Answer (State)
