import { connect } from 'node:net'
import { logLine } from './output.ts'

const CHECK_MS = 5000
/** Miniflare restarts a workerd that has crashed within a second or two; after this many checks it evidently could not. */
const MAX_REFUSALS = 4
const EXIT_UNAVAILABLE = 69

async function accepts(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // Only a refused connection means that nobody listens; a busy server takes its time.
    socket.once('error', (cause) => resolve(!('code' in cause && cause.code === 'ECONNREFUSED')))
  })
}

/** Ends the program, so that a supervisor can start it again, when the Worker stays away. Answers how to stop watching. */
export function watchHealth(url: string): () => void {
  const { hostname, port } = new URL(url)
  let refusals = 0
  const timer = setInterval(() => {
    accepts(hostname.replace(/^\[|\]$/g, ''), Number(port)).then((accepted) => {
      refusals = accepted ? 0 : refusals + 1
      if (refusals < MAX_REFUSALS) return
      logLine('error', 'the Worker does not come back; stopping')
      process.exit(EXIT_UNAVAILABLE)
    }, undefined)
  }, CHECK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
