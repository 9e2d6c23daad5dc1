import { expect, it } from 'vitest'
import { costsOfRequest } from '../../../../src/runtime/metrics.ts'
import { type Answer, call, type TestSession } from '../../../support/api-client.ts'
import { edit, relating, relations, send, text, threads, trySend } from '../../../support/relations.ts'
import { createRoom, enc, ok, people } from '../../../support/room-api.ts'

const costsOf = (answer: Answer) => costsOfRequest(ok(answer).headers.get('X-Request-Id') ?? '')

it('relations cost no round trip, commit or registry statement of their own', async () => {
  const [alice] = (await people(1)) as [TestSession]
  const roomId = await createRoom(alice)
  const root = await send(alice, roomId, text('root'))
  const plain = costsOf(await trySend(alice, roomId, text('plain')))
  expect(costsOf(await trySend(alice, roomId, relating('m.thread', root)))).toEqual(plain)
  expect(costsOf(await trySend(alice, roomId, edit(root, 'better')))).toEqual(plain)
  const { token } = alice
  const reads = [
    await call('GET', `/rooms/${enc(roomId)}/messages?dir=b`, { token }),
    await call('GET', `/rooms/${enc(roomId)}/context/${enc(root)}`, { token }),
    await call('GET', `/rooms/${enc(roomId)}/event/${enc(root)}`, { token }),
    await relations(alice, roomId, root),
    await threads(alice, roomId),
  ]
  for (const answer of reads) expect(costsOf(answer)).toEqual({ rpc: 2 })
  // The first one of an account object's life asks its rooms where they are.
  await call('GET', '/sync', { token })
  expect(costsOf(await call('GET', '/sync', { token }))).toEqual({ rpc: 2 })
  const path = `/_matrix/client/unstable/io.element.msc4306/rooms/${enc(roomId)}/thread/${enc(root)}/subscription`
  expect(costsOf(await call('PUT', path, { token, body: {} }))).toEqual({ rpc: 3, commit: 1 })
  expect(costsOf(await call('PUT', path, { token, body: {} }))).toEqual({ rpc: 3 })
  expect(costsOf(await call('GET', path, { token }))).toEqual({ rpc: 3 })
})
