/** Log levels, most verbose first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
let threshold: LogLevel = 'info'

/** Sets the least severe level that is written. Called once per isolate from the parsed configuration. */
export function setLogLevel(level: LogLevel): void {
  threshold = level
}

function write(level: LogLevel, message: string, cause?: unknown): void {
  if (ORDER.indexOf(level) < ORDER.indexOf(threshold)) return
  const line =
    cause === undefined
      ? `${level}: ${message}`
      : `${level}: ${message}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`
  if (level === 'error' || level === 'warn') console.error(line)
  else console.log(line)
}

/** The server's log. Never pass tokens, passwords, key bodies or message content (O9). */
export const log = {
  debug: (message: string, cause?: unknown): void => write('debug', message, cause),
  info: (message: string, cause?: unknown): void => write('info', message, cause),
  warn: (message: string, cause?: unknown): void => write('warn', message, cause),
  error: (message: string, cause?: unknown): void => write('error', message, cause),
}
