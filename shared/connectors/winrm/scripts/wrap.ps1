# Runs the command, keeps its timeout and writes how it ended.
param([double] $seconds)
$ErrorActionPreference = 'Stop'
$d = $PSScriptRoot
$utf8 = New-Object Text.UTF8Encoding $false
$born = (Get-Process -Id $PID).StartTime.ToUniversalTime().Ticks
# From here on nobody can take the claim for one that never started.
$file = [IO.File]::Open("$d\started", 'CreateNew', 'Write', 'Read')
$bytes = $utf8.GetBytes("$PID $born")
$file.Write($bytes, 0, $bytes.Length)
$file.Close()
$run = "`$ErrorActionPreference = 'Stop'; `$ProgressPreference = 'SilentlyContinue'; " +
  "[Console]::OutputEncoding = [Text.Encoding]::UTF8; " +
  "& '$($d -replace "'", "''")\command.ps1'; if (`$LASTEXITCODE) { exit `$LASTEXITCODE }"
$encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($run))
$process = Start-Process powershell.exe -PassThru -WindowStyle Hidden `
  -ArgumentList "-NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand $encoded" `
  -RedirectStandardOutput "$d\stdout" -RedirectStandardError "$d\stderr"
# Without its handle the exit code of a process that has ended is not known.
$null = $process.Handle
[IO.File]::WriteAllText("$d\process", "$($process.Id) $($process.StartTime.ToUniversalTime().Ticks)", $utf8)
$code = 124
if ($process.WaitForExit([int] [Math]::Min($seconds * 1000, [int]::MaxValue))) {
  $process.WaitForExit()
  $code = $process.ExitCode
} else {
  [IO.File]::WriteAllText("$d\timed_out", '', $utf8)
  $null = taskkill.exe /T /F /PID $process.Id 2>&1
  $process.WaitForExit()
}
[IO.File]::WriteAllText("$d\exit.new", "$code", $utf8)
[IO.File]::Move("$d\exit.new", "$d\exit")
