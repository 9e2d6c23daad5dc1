import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/crash-load.ts'
import { homeserver } from '../../support/crash-server.ts'
import { MatrixClient, request } from '../../support/matrix-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

/** By when what fell due while the server was away has been sent. */
const SENT_WITHIN_MS = 60_000
const CALL = 'org.matrix.msc3401.call.member'

describe('delayed events (MSC4140) and a kill', () => {
  let server: ServerProcess

  beforeAll(async () => {
    server = await startServerProcess()
  })

  afterAll(async () => {
    await server.stop()
  })

  it('are all sent, and once, though nobody comes back to ask for them', async () => {
    const home = homeserver(server)
    const alice = await MatrixClient.register(home, 'alice')
    const bob = await MatrixClient.register(home, 'bob')
    const roomId = await alice.createRoom({ preset: 'public_chat', power_level_content_override: { events: { [CALL]: 0 } } })
    await bob.join(roomId)
    const delay = (path: string, ms: number, body: object): Promise<{ readonly delay_id: string }> =>
      request(home, 'PUT', `/v3/rooms/${encodeURIComponent(roomId)}/${path}?org.matrix.msc4140.delay=${ms}`, {
        accessToken: bob.accessToken,
        body,
      })
    await bob.sendState(roomId, CALL, bob.userId, { there: true })
    for (let n = 0; n < 10; n += 1) await delay(`send/m.room.message/${n}`, 300 + 150 * n, { msgtype: 'm.text', body: `${n}` })
    await delay(`state/${CALL}/${encodeURIComponent(bob.userId)}`, 2_500, {})
    await server.kill9()
    await server.restart()
    const sent = await eventually(SENT_WITHIN_MS, async () => {
      const left = (await alice.state(roomId)).find(({ type }) => type === CALL)
      expect(left?.content).toEqual({})
      return await alice.history(roomId)
    })
    const texts = sent.filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
    expect(texts.toSorted()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  })
})
