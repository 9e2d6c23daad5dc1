/** The result of work, or `late` after a time; the work goes on. */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T | 'late'> {
  const timer: { id?: ReturnType<typeof setTimeout> } = {}
  const late = new Promise<'late'>((resolve) => {
    timer.id = setTimeout(() => resolve('late'), Math.max(0, timeoutMs))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer.id)
  }
}
