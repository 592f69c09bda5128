# Runs a command that changes nothing, in this session, which ends it with itself.
$bytes = [Text.Encoding]::Unicode.GetBytes("`$ErrorActionPreference = 'Stop'; " +
  "`$ProgressPreference = 'SilentlyContinue'; [Console]::OutputEncoding = [Text.Encoding]::UTF8`n" + $h.command +
  "`nif (`$LASTEXITCODE) { exit `$LASTEXITCODE }")
$d = Join-Path ([IO.Path]::GetTempPath()) ("handrail-" + [Guid]::NewGuid())
$null = [IO.Directory]::CreateDirectory($d)
try {
  $process = Start-Process powershell.exe -PassThru -WindowStyle Hidden `
    -ArgumentList "-NoProfile -NonInteractive -EncodedCommand $([Convert]::ToBase64String($bytes))" `
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
