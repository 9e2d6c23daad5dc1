/** Resolves at the first SIGTERM, SIGINT or SIGHUP, or when the bootstrap that started this program is gone. */
export async function untilToldToStop(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      // Miniflare would exit at once on these.
      process.removeAllListeners(signal)
      process.on(signal, () => resolve())
    }
    if (process.channel !== undefined) {
      process.removeAllListeners('message')
      process.once('disconnect', () => resolve())
    }
  })
}
