import { connect, createServer, type Server, type Socket } from 'node:net'

/** A relay in front of a server's port that can be cut and joined again, as a network may. */
export interface CuttableLink {
  /** The port that others connect to. */
  readonly port: number
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>
  /** Lets others through again. */
  join(): Promise<void>
  close(): Promise<void>
}

/** Listens on a loopback port and relays to another one; that one need not be open yet. */
export async function cuttableLink(port: number, target: () => number): Promise<CuttableLink> {
  const sockets = new Set<Socket>()
  let server: Server | undefined
  const join = async (): Promise<void> => {
    if (server !== undefined) return
    const opened = createServer((incoming) => relay(incoming, target(), sockets))
    await new Promise<void>((resolve, reject) => {
      opened.once('error', reject).listen(port, '127.0.0.1', resolve)
    })
    server = opened
  }
  const cut = async (): Promise<void> => {
    const closing = server
    server = undefined
    const closed = new Promise((resolve) => (closing === undefined ? resolve(undefined) : closing.close(resolve)))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  await join()
  return { port, join, cut, close: cut }
}

function relay(incoming: Socket, port: number, sockets: Set<Socket>): void {
  const outgoing = connect(port, '127.0.0.1')
  for (const [socket, other] of [
    [incoming, outgoing],
    [outgoing, incoming],
  ] as const) {
    sockets.add(socket)
    socket.on('error', () => other.destroy())
    socket.on('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
    socket.pipe(other)
  }
}
