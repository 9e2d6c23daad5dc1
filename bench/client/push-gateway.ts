import { type HttpsServer, serveWith } from '../../test/support/federation-https.ts'
import type { FederationTls } from '../../test/support/federation-pair.ts'

const HOST = 'localhost'

/** A push gateway on the loopback address that counts what it is told, and takes everything. */
export class BenchGateway {
  /** Requests, and devices over all of them, that named an event. */
  requests = 0
  devices = 0
  readonly #server: HttpsServer
  readonly #devicesByEvent: Map<string, number>

  private constructor(server: HttpsServer, devicesByEvent: Map<string, number>) {
    this.#server = server
    this.#devicesByEvent = devicesByEvent
  }

  static async start(tls: FederationTls): Promise<BenchGateway> {
    const devicesByEvent = new Map<string, number>()
    let gateway: BenchGateway | undefined
    const answer = async (request: Request): Promise<Response> => {
      const { notification } = (await request.json()) as { notification: { event_id?: string; devices: readonly unknown[] } }
      const { event_id: eventId, devices } = notification
      if (gateway !== undefined && eventId !== undefined) {
        gateway.requests += 1
        gateway.devices += devices.length
        devicesByEvent.set(eventId, (devicesByEvent.get(eventId) ?? 0) + devices.length)
      }
      return Response.json({ rejected: [] })
    }
    gateway = new BenchGateway(await serveWith({ answer }, tls), devicesByEvent)
    return gateway
  }

  /** Where pushers find it. */
  get url(): string {
    return `https://${HOST}:${this.#server.port}/_matrix/push/v1/notify`
  }

  /** Devices that were told of an event. */
  devicesOf(eventId: string): number {
    return this.#devicesByEvent.get(eventId) ?? 0
  }

  close(): Promise<void> {
    return this.#server.close()
  }
}
