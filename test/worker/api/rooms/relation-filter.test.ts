import { expect, it } from 'vitest'
import { call, registerAccount } from '../../../support/api-client.ts'
import { createRoom, enc, ok, say } from '../../../support/room-api.ts'

it('reads only events that relate to others as wanted (MSC3874)', async () => {
  const alice = await registerAccount()
  const roomId = await createRoom(alice)
  const rootId = ok(await say(alice, roomId, 'root')).body.event_id
  const relate = async (relType: string): Promise<string> => {
    const content = { msgtype: 'm.text', body: relType, 'm.relates_to': { rel_type: relType, event_id: rootId } }
    return ok(await call('PUT', `/rooms/${enc(roomId)}/send/m.room.message/${relType}`, { token: alice.token, body: content })).body
      .event_id
  }
  const [inThread, reference] = [await relate('m.thread'), await relate('m.reference')]
  const read = async (filter: Readonly<Record<string, unknown>>): Promise<string[]> => {
    const text = enc(JSON.stringify({ types: ['m.room.message'], ...filter }))
    const { chunk } = ok(await call('GET', `/rooms/${enc(roomId)}/messages?dir=b&filter=${text}`, { token: alice.token })).body
    return chunk.map((event: { readonly event_id: string }) => event.event_id)
  }
  expect(await read({ 'org.matrix.msc3874.rel_types': ['m.thread'] })).toEqual([inThread])
  expect(await read({ 'org.matrix.msc3874.rel_types': ['m.thread', 'm.reference'] })).toEqual([reference, inThread])
  expect(await read({ 'org.matrix.msc3874.not_rel_types': ['m.thread'] })).toEqual([reference, rootId])
})
