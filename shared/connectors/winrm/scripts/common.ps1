# How a claim is read. $h is what was asked: key, owner, and the rest by name.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$base = Join-Path $env:ProgramData 'Handrail\steps'
$d = Join-Path $base $h.key
$utf8 = New-Object Text.UTF8Encoding $false

# Only one can make a file that is not there; a directory could be made by two.
function Take([string] $path, [string] $text) {
  try { $file = [IO.File]::Open($path, 'CreateNew', 'Write', 'Read') } catch { return $false }
  $bytes = $utf8.GetBytes($text)
  $file.Write($bytes, 0, $bytes.Length)
  $file.Close()
  return $true
}

# What one process writes another may read meanwhile.
function Text([string] $name) {
  $path = Join-Path $d $name
  if (-not (Test-Path -LiteralPath $path)) { return $null }
  $file = [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite, Delete')
  try { return (New-Object IO.StreamReader $file, $utf8).ReadToEnd() } finally { $file.Close() }
}

# A process is known by its number and by when it was started: numbers are given again.
function Running([string] $who) {
  $id, $born = $who.Trim() -split ' '
  $process = Get-Process -Id $id -ErrorAction SilentlyContinue
  return $null -ne $process -and [string] $process.StartTime.ToUniversalTime().Ticks -eq $born
}

function State {
  if (-not (Test-Path -LiteralPath (Join-Path $d 'claim'))) { return 'absent' }
  $started = Text 'started'
  if (-not $started) { return 'unstarted' }
  if ($started.StartsWith('cancelled')) { return 'cancelled' }
  if (Text 'exit') { return 'ended' }
  if (Running $started) { return 'running' }
  if (Text 'exit') { return 'ended' }
  return 'gone'
}

function Piece([string] $name, [long] $from) {
  $path = Join-Path $d $name
  if (-not (Test-Path -LiteralPath $path)) { return '' }
  $file = [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite, Delete')
  try {
    $null = $file.Seek($from, 'Begin')
    $bytes = New-Object byte[] 65536
    $count = $file.Read($bytes, 0, $bytes.Length)
    return [Convert]::ToBase64String($bytes, 0, $count)
  } finally { $file.Close() }
}

function Answer([string] $state) {
  $code = Text 'exit'
  $answer = @{
    state = $state
    exit_code = if ($state -eq 'ended') { [int] $code.Trim() } else { -1 }
    owner = [string] (Text 'claim')
    timed_out = Test-Path -LiteralPath (Join-Path $d 'timed_out')
    cancelled = Test-Path -LiteralPath (Join-Path $d 'cancelled')
    stdout = Piece 'stdout' $h.stdout
    stderr = Piece 'stderr' $h.stderr
  }
  Say $answer
}

function Say($answer) {
  $json = ConvertTo-Json $answer -Compress
  'handrail:' + [Convert]::ToBase64String($utf8.GetBytes($json))
}
