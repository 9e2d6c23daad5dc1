import { expect } from 'vitest'
import type { Ledger } from './crash-load.ts'
import type { ClientEvent, MatrixClient } from './matrix-client.ts'
import { type ObservedRoom, type SyncObserver, stateKeyOf } from './sync-observer.ts'

/** Every acknowledged message is in the room once, under the ID that was acknowledged; no text is there twice. Answers the room's history. */
export async function expectExactlyOnce(reader: MatrixClient, roomId: string, ledger: Ledger): Promise<ClientEvent[]> {
  const history = await reader.history(roomId)
  expect(doubles(history.map(({ event_id }) => event_id)), `events paged twice in ${roomId}`).toEqual([])
  const texts = history.flatMap(({ type, content }) => (type === 'm.room.message' ? [String(content.body)] : []))
  expect(doubles(texts), `texts that are in ${roomId} twice`).toEqual([])
  const textOf = new Map(history.map((event) => [event.event_id, event.content.body]))
  const lost = ledger.acknowledged.filter((message) => message.roomId === roomId && textOf.get(message.eventId ?? '') !== message.text)
  expect(
    lost.map(({ eventId, text }) => `${eventId} ${text}`),
    `acknowledged and not in ${roomId}`,
  ).toEqual([])
  return history
}

/** A device was told of exactly these events, in their order, and computes the state that the room tells. */
export async function expectSameAsRoom(observer: SyncObserver, roomId: string, history: readonly ClientEvent[]): Promise<void> {
  const who = `${observer.client.userId} ${observer.client.deviceId}`
  const room = observer.rooms.get(roomId)
  expect(room, `${who} was never told of ${roomId}`).toBeDefined()
  if (room === undefined) return
  expect(unknownTo(room, history), `${who} misses events of ${roomId}`).toEqual([])
  const real = new Set(history.map(({ event_id }) => event_id))
  expect(
    [...room.counts.keys()].filter((eventId) => !real.has(eventId)),
    `${who} was told of events that ${roomId} does not have`,
  ).toEqual([])
  const place = new Map(history.map(({ event_id }, index) => [event_id, index]))
  const order = room.timeline.map(({ event_id }) => place.get(event_id) ?? -1)
  expect(order, `${who} was told of events of ${roomId} out of order`).toEqual([...order].sort((a, b) => a - b))
  expect(stateIds(room.state.values()), `state of ${roomId} as ${who} computes it`).toEqual(stateIds(await observer.client.state(roomId)))
}

/** Events of a history that a device has not been told of. */
export function unknownTo(room: ObservedRoom | undefined, history: readonly ClientEvent[]): string[] {
  return history.filter(({ event_id }) => room?.counts.has(event_id) !== true).map(({ event_id, type }) => `${type} ${event_id}`)
}

/** What rooms say about their members and users about their rooms is the same, by every way of asking. */
export async function expectMembershipsAgree(clients: readonly MatrixClient[], roomIds: readonly string[]): Promise<void> {
  const joined = new Map(await Promise.all(clients.map(async (client) => [client.userId, await client.joinedRooms()] as const)))
  for (const roomId of roomIds) {
    const byUsers = clients.flatMap(({ userId }) => (joined.get(userId)?.includes(roomId) ? [userId] : [])).sort()
    const reader = clients.find(({ userId }) => byUsers.includes(userId))
    if (reader === undefined) throw new Error(`nobody is in ${roomId}`)
    expect(await reader.joinedMembers(roomId), `members of ${roomId}: by the room, and by its users`).toEqual(byUsers)
    const state = await reader.state(roomId)
    const membership = (userId: string): unknown =>
      state.find(({ type, state_key }) => type === 'm.room.member' && state_key === userId)?.content.membership
    for (const client of clients) {
      const { rooms } = await client.sync({ timeout: '0' })
      const section = Object.hasOwn(rooms?.join ?? {}, roomId) ? 'join' : Object.hasOwn(rooms?.invite ?? {}, roomId) ? 'invite' : 'out'
      const wanted = membership(client.userId)
      expect(section, `${roomId} in a sync of ${client.userId}`).toBe(wanted === 'join' || wanted === 'invite' ? wanted : 'out')
    }
  }
}

/** State events as sorted lines that name what differs. */
export function stateIds(events: Iterable<ClientEvent>): string[] {
  return [...events].map((event) => `${stateKeyOf(event)} ${event.event_id}`).sort()
}

function doubles(values: readonly string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) !== index)
}
