# Runs a command that changes nothing, in this session, which ends it with itself.
$d = Join-Path ([IO.Path]::GetTempPath()) ("handrail-" + [Guid]::NewGuid())
$null = [IO.Directory]::CreateDirectory($d)
try {
  [IO.File]::WriteAllText("$d\command.ps1", $h.command, (New-Object Text.UTF8Encoding $true))
  $run = "`$ErrorActionPreference = 'Stop'; `$ProgressPreference = 'SilentlyContinue'; " +
    "[Console]::OutputEncoding = [Text.Encoding]::UTF8; " +
    "& '$($d -replace "'", "''")\command.ps1'; if (`$LASTEXITCODE) { exit `$LASTEXITCODE }"
  $encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($run))
  $process = Start-Process powershell.exe -PassThru -WindowStyle Hidden `
    -ArgumentList "-NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand $encoded" `
    -RedirectStandardOutput "$d\stdout" -RedirectStandardError "$d\stderr"
  $null = $process.Handle
  $over = -not $process.WaitForExit([int] ($h.seconds * 1000))
  if ($over) { $null = taskkill.exe /T /F /PID $process.Id 2>&1 }
  $process.WaitForExit()
  Say @{
    state = 'ended'; exit_code = $process.ExitCode; timed_out = $over
    stdout = Piece 'stdout' 0; stderr = Piece 'stderr' 0
  }
} finally { Remove-Item -LiteralPath $d -Recurse -Force -ErrorAction SilentlyContinue }
