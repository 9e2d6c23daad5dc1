import { createServer } from 'node:net'

/** A port that was free a moment ago. Whoever uses it must be ready to lose a race for it. */
export async function freePort(host: string): Promise<number> {
  const server = createServer()
  return await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}
