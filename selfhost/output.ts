/** Log levels, most verbose first. */
const ORDER = ['debug', 'info', 'warn', 'error']
let threshold = 'info'

/** Sets the least severe level that is written. */
export function setOutputLevel(level: string): void {
  threshold = level
}

/** Writes one line of the log: information to standard output, warnings and errors to standard error. */
export function logLine(level: string, message: string): void {
  if (ORDER.indexOf(level) < ORDER.indexOf(threshold)) return
  const stream = level === 'warn' || level === 'error' ? process.stderr : process.stdout
  stream.write(`${new Date().toISOString()} ${level}: ${message}\n`)
}

/** Writes what a person at the terminal should read, whatever the log level. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/**
 * What workerd itself reports, as an error with a stack, whenever a connection to another server fails. The Worker knows, and says what matters; the
 * Internet has too many servers that are gone for an operator to read of each attempt.
 */
const CONNECTION_FAILURE =
  /^(?:Socket proxy disconnected abruptly; )?e = rust\/[\w/-]+\.rs:\d+: failed: ((?:failed to lookup address|TLS handshake failed|connecting to|[Cc]onnection refused|[Cc]onnection reset|.*timed out|.*unreachable)[^\n]*)/
/** A notice of workerd about an option that it does honour. */
const TLS_NOTICE = 'NOSENTRY startTls called with unsupported expectedServerHostname option'

/** Writes a line that the Worker has logged. Its own log puts the level before the message; everything else has the console's level. */
export function workerLogLine(consoleLevel: string, text: string): void {
  if (text.startsWith(TLS_NOTICE)) return
  const failure = CONNECTION_FAILURE.exec(text)?.[1]
  const [, level, message] = /^(debug|info|warn|error): ([\s\S]*)$/.exec(text) ?? []
  if (failure !== undefined) logLine('debug', `connection to another server: ${failure}`)
  else if (level !== undefined && message !== undefined) logLine(level, message)
  else logLine(ORDER.includes(consoleLevel) ? consoleLevel : 'info', text)
}
