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

/** Writes a line that the Worker has logged. Its own log puts the level before the message; everything else has the console's level. */
export function workerLogLine(consoleLevel: string, text: string): void {
  const [, level, message] = /^(debug|info|warn|error): ([\s\S]*)$/.exec(text) ?? []
  if (level !== undefined && message !== undefined) logLine(level, message)
  else logLine(ORDER.includes(consoleLevel) ? consoleLevel : 'info', text)
}
