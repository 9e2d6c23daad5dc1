import { runDurableObjectAlarm } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { advanceClock, endObject, home, roomStub } from '../../../support/crash-worker.ts'
import { MatrixClient } from '../../../support/matrix-client.ts'
import { SlidingObserver } from '../../../support/sliding-observer.ts'

const list = { lists: { all: { ranges: [[0, 9]], timeline_limit: 1, required_state: [['m.room.name', '']] } } }
const subscribed = (roomId: string) => ({ room_subscriptions: { [roomId]: { timeline_limit: 1, required_state: [] } } })

describe('scopes of extensions', () => {
  it('remembers over evictions of the account what was told of rooms in scope', async () => {
    const alice = await MatrixClient.register(home, 'scopes1')
    const bob = await MatrixClient.register(home, 'scopes2')
    const [known, entering] = [await alice.createRoom({ preset: 'public_chat' }), await alice.createRoom({ preset: 'public_chat' })]
    for (const roomId of [known, entering]) await bob.join(roomId)
    const readIn = async (roomId: string): Promise<void> => {
      const event = await alice.send(roomId, 'read me', alice.nextTransaction())
      await bob.call('POST', `/v3/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(event)}`, { body: {} })
    }
    await readIn(known)
    await readIn(entering)
    const observer = new SlidingObserver(bob, 'room-list')
    const outside = { ...list, extensions: { receipts: { enabled: true, lists: [] } } }
    const withKnown = { ...outside, ...subscribed(known) }
    const withBoth = { ...outside, room_subscriptions: { ...withKnown.room_subscriptions, ...subscribed(entering).room_subscriptions } }
    const toldOf = (answer: { readonly extensions: { readonly receipts?: { readonly rooms: object } } }) =>
      Object.keys(answer.extensions.receipts?.rooms ?? {})
    await observer.once(outside)
    expect(toldOf(await observer.once(withKnown))).toEqual([known])
    expect(toldOf(await observer.once(withKnown))).toEqual([])
    const evict = async (): Promise<void> => {
      // The room settles: the account writes everything that it has in memory.
      await alice.send(known, 'more', alice.nextTransaction())
      advanceClock(60_000)
      await runDurableObjectAlarm(roomStub(known))
      await endObject('user', bob.userId)
    }
    await evict()
    // What was told is not told again, and a room that comes into scope now is told of.
    expect(toldOf(await observer.once(withKnown))).toEqual([])
    expect(toldOf(await observer.once(withBoth))).toEqual([entering])
    expect(toldOf(await observer.once(outside))).toEqual([])
    await evict()
    expect(toldOf(await observer.once(withKnown))).toEqual([known])
  })
})
