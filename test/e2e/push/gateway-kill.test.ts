import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/crash-load.ts'
import { homeserver } from '../../support/crash-server.ts'
import { type HttpsServer, serveHttps } from '../../support/federation-https.ts'
import { MatrixClient } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

/*
 * The self-hosted server and a push gateway over TLS on the loopback address, and kills between the message and the notification.
 */

/** Rooms ask about 25 s after their last event whether it was taken, also when they ended meanwhile; gateways that failed are tried again by then. */
const NOTIFIED_WITHIN_MS = 90_000
const HOST = 'localhost'

interface Notified {
  readonly eventId: string
  readonly pushkeys: readonly string[]
}

describe('a push gateway of a self-hosted server', () => {
  const told: Notified[] = []
  let status = 200
  let requests = 0
  let gateway: HttpsServer
  let server: ServerProcess
  let alice: MatrixClient
  let bob: MatrixClient
  let roomId: string

  const answer = async (request: Request): Promise<Response> => {
    requests += 1
    const { notification } = (await request.json()) as { notification: { event_id?: string; devices: readonly { pushkey: string }[] } }
    if (status !== 200) return new Response('{}', { status })
    if (notification.event_id !== undefined) {
      told.push({ eventId: notification.event_id, pushkeys: notification.devices.map(({ pushkey }) => pushkey) })
    }
    return Response.json({ rejected: [] })
  }
  const timesTold = (eventId: string): number => told.filter((one) => one.eventId === eventId).length

  beforeAll(async () => {
    gateway = await serveHttps({ answer }, `DNS:${HOST}`)
    server = await startServerProcess({ env: { MYELIN_ALLOW_PRIVATE_NETWORK: 'on', MYELIN_EXTRA_CA: gateway.certificate } })
    alice = await MatrixClient.register(homeserver(server), 'alice')
    bob = await MatrixClient.register(homeserver(server), 'bob')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await bob.call('POST', '/v3/pushers/set', {
      body: {
        kind: 'http',
        app_id: 'org.example.app',
        pushkey: 'bob',
        app_display_name: 'App',
        device_display_name: 'Phone',
        lang: 'en',
        data: { url: `https://${HOST}:${gateway.port}/_matrix/push/v1/notify`, format: 'event_id_only' },
      },
    })
  })

  afterAll(async () => {
    await server.stop()
    await gateway.close()
  })

  it('is told of a message', async () => {
    const eventId = await alice.send(roomId, 'hello')
    await eventually(NOTIFIED_WITHIN_MS, () => expect(timesTold(eventId)).toBe(1))
    expect(told.at(-1)?.pushkeys).toEqual(['bob'])
  })

  it('O17: is told at least once of a message that was acknowledged right before a kill', async () => {
    for (let round = 1; round <= 3; round += 1) {
      const eventId = await alice.send(roomId, `right before the kill ${round}`)
      await server.kill9()
      await server.restart()
      await eventually(NOTIFIED_WITHIN_MS, () => expect(timesTold(eventId)).toBeGreaterThanOrEqual(1))
    }
  })

  it('is told after a kill of what it could not take before, once it can', async () => {
    status = 503
    const before = requests
    const eventId = await alice.send(roomId, 'while the gateway is down')
    await eventually(NOTIFIED_WITHIN_MS, () => expect(requests).toBeGreaterThan(before))
    await server.kill9()
    status = 200
    await server.restart()
    await eventually(NOTIFIED_WITHIN_MS, () => expect(timesTold(eventId)).toBeGreaterThanOrEqual(1))
  })
})
