import { readFile } from 'node:fs/promises'

/** Kernel clock ticks a second, as Linux reports process times on every common architecture. */
const TICKS_PER_SECOND = 100
/** Fields of /proc/<pid>/stat after the command name: user and system time. */
const UTIME_FIELD = 11
const STIME_FIELD = 12

/** CPU time that a process has used, in milliseconds, to the nearest 10. */
export async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[UTIME_FIELD]) + Number(fields[STIME_FIELD])) * 1000) / TICKS_PER_SECOND
}

/** Resident memory of a process, in MiB. */
export async function residentMibOf(pid: number): Promise<number> {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}

/** CPU time that this program has used, in milliseconds. */
export function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
