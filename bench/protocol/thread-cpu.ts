/** Processor time of this thread in milliseconds, which neither other processes nor helper threads lengthen. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
