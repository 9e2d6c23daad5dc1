import type { Homeserver } from './matrix-client.ts'
import type { ServerProcess } from './server-process.ts'

/** A server process as clients see it. */
export function homeserver(server: ServerProcess): Homeserver {
  return { url: server.url, fetch: (url, init) => fetch(url, init) }
}

/** Ends the life of one object as a crash would. It must exist. */
export async function abortObject(
  server: ServerProcess,
  object: 'user' | 'room' | 'remote-server' | 'repair',
  name: string,
): Promise<void> {
  await server.control('POST', '/abort', { object, name })
}
