import { type HttpsServer, serveWith } from './federation-https.ts'
import { federationEnv, makeFederationTls } from './federation-pair.ts'
import { freePort } from './free-port.ts'
import { GiantRoom } from './giant-room.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

/** A large room of another server, and a server under test that can reach it. */
export interface GiantWorld {
  readonly giant: GiantRoom
  readonly server: ServerProcess
  stop(): Promise<void>
}

/** Starts both; the members' own servers cannot be reached, so the room's tells their keys. */
export async function startGiantWorld(size: ConstructorParameters<typeof GiantRoom>[1]): Promise<GiantWorld> {
  const tls = await makeFederationTls()
  let room: GiantRoom | undefined
  const https: HttpsServer = await serveWith(
    { answer: async (request) => (room === undefined ? Response.error() : room.owner.answer(request)) },
    tls,
  )
  room = new GiantRoom(`localhost:${https.port}`, size, Date.now())
  const port = await freePort()
  const env = { ...federationEnv(port, tls), MYELIN_NOTARIES: room.owner.serverName }
  const server = await startServerProcess({ serverName: `localhost:${port}`, env })
  const stop = async (): Promise<void> => {
    await server.stop()
    await https.close()
  }
  return { giant: room, server, stop }
}
