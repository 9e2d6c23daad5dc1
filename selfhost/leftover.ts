import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** How long a killed process may take to be gone, in milliseconds. */
const GONE_TIMEOUT_MS = 5000
const POLL_MS = 20

/** The mark that workerd carries in its environment for one data directory: the same at every start, so that a leftover is recognized. */
export function instanceMark(dataDir: string): string {
  return createHash('sha256').update(dataDir).digest('hex').slice(0, 32)
}

/** Environment and command of a process, as far as the system shows them to its owner; `undefined` when there is no such process. */
async function describeProcess(pid: number): Promise<string | undefined> {
  try {
    const [environment, command] = await Promise.all([readFile(`/proc/${pid}/environ`, 'utf8'), readFile(`/proc/${pid}/cmdline`, 'utf8')])
    return `${command.replaceAll('\0', ' ')} ${environment.replaceAll('\0', ' ')}`
  } catch {
    // No /proc, or no such process: ask ps, which shows the environment of one's own processes.
    return await run('ps', ['eww', '-o', 'command=', '-p', String(pid)]).then(
      ({ stdout }) => stdout,
      () => undefined,
    )
  }
}

/** Process ID that the launcher noted, if any. */
export async function readWorkerdPid(pidFile: string): Promise<number | undefined> {
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).trim())
  return Number.isInteger(pid) && pid > 1 ? pid : undefined
}

/**
 * Ends a workerd that outlived the server which started it on the same data directory. Nothing else is ever ended: the process must run
 * workerd and carry this directory's mark. Answers the process ID that was ended. Call with the directory's lock held.
 */
export async function endLeftoverWorkerd(pidFile: string, mark: string): Promise<number | undefined> {
  const pid = await readWorkerdPid(pidFile)
  if (pid === undefined || !(await isOurWorkerd(pid, mark))) return undefined
  process.kill(pid, 'SIGKILL')
  for (let waitedMs = 0; waitedMs < GONE_TIMEOUT_MS; waitedMs += POLL_MS) {
    if (!(await isOurWorkerd(pid, mark))) return pid
    await delay(POLL_MS)
  }
  throw new Error(`process ${pid}, a leftover of an earlier run, does not end`)
}

async function isOurWorkerd(pid: number, mark: string): Promise<boolean> {
  const description = await describeProcess(pid)
  return description !== undefined && /\bworkerd\b/.test(description) && description.includes(`MYELIN_INSTANCE=${mark}`)
}
