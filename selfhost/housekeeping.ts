import { logLine } from './output.ts'

/** How often what is no longer to be kept is removed, and when for the first time after the start. */
const PERIOD_MS = 60 * 60 * 1_000
const FIRST_MS = 10 * 60 * 1_000
/** One round may take so long. */
const TIMEOUT_MS = 15 * 60 * 1_000

/** Has the Worker remove copies of other servers' files from time to time, as a cron trigger does on Cloudflare. Answers how to stop. */
export function keepHouse(url: string, controlToken: string): () => void {
  const sweep = async (): Promise<void> => {
    try {
      const response = await fetch(`${url}/_myelin/control/sweep-media`, {
        method: 'POST',
        headers: { authorization: `Bearer ${controlToken}` },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      if (!response.ok) logLine('warn', `old copies of media were not removed: the Worker answered ${response.status}`)
      await response.arrayBuffer()
    } catch (cause) {
      logLine('warn', `old copies of media were not removed: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }
  const run = (): void => void sweep()
  const first = setTimeout(run, FIRST_MS)
  const timer = setInterval(run, PERIOD_MS)
  first.unref()
  timer.unref()
  return () => {
    clearTimeout(first)
    clearInterval(timer)
  }
}
