import { runDurableObjectAlarm } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { advanceClock, endObject, home, roomStub } from '../../../support/crash-worker.ts'
import { MatrixClient } from '../../../support/matrix-client.ts'
import { SlidingObserver } from '../../../support/sliding-observer.ts'

/*
 * Clients give requests up and ask again from where they are, usually for something else.
 */

const person = (name: string): Promise<MatrixClient> => MatrixClient.register(home, `gives-up-${name}`)
const list = (state: readonly (readonly [string, string])[] = []) => ({
  lists: { all: { ranges: [[0, 9]], timeline_limit: 5, required_state: state } },
})

it('a request that had nothing to tell of what happened leaves the client where it was', async () => {
  const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  for (const who of [bob, carol]) await who.join(roomId)
  const ignored = { ignored_users: { [carol.userId]: {} } }
  await bob.call('PUT', `/v3/user/${encodeURIComponent(bob.userId)}/account_data/m.ignored_user_list`, { body: ignored })
  const observer = new SlidingObserver(bob, 'main')
  const { pos } = await observer.once(list())
  for (let times = 0; times < 2; times += 1) {
    const givenUp = observer.ask(list(), 400)
    await carol.send(roomId, 'nobody listens')
    await givenUp
    const heard = await alice.send(roomId, 'hello')
    const { rooms } = await observer.ask(list(), 0, pos)
    expect(rooms[roomId]?.initial).toBeUndefined()
    expect(rooms[roomId]?.timeline?.at(-1)?.event_id).toBe(heard)
  }
})

it('members that came with an answer which was lost come again, also when the client asked for something else meanwhile', async () => {
  const [alice, bob, carol] = [await person('alice2'), await person('bob2'), await person('carol2')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  for (const who of [carol, bob]) await who.join(roomId)
  for (let n = 0; n < 5; n += 1) await alice.send(roomId, 'filler')
  const observer = new SlidingObserver(bob, 'main')
  const lazily = list([['m.room.member', '$LAZY']])
  await observer.once(lazily)
  expect(observer.rooms.get(roomId)?.state.has(`m.room.member ${carol.userId}`)).toBe(false)
  await carol.send(roomId, 'it is me')
  const own = `/v3/user/${encodeURIComponent(bob.userId)}/account_data/org.example.mine`
  await bob.call('PUT', own, { body: { a: 1 } })
  // Lost; the next request is for account data alone, and is answered.
  expect((await observer.ask(lazily)).rooms[roomId]?.required_state?.map(({ state_key }) => state_key)).toEqual([carol.userId])
  await observer.once({ extensions: { account_data: { enabled: true } } })
  await observer.once(lazily)
  expect(observer.rooms.get(roomId)?.state.has(`m.room.member ${carol.userId}`)).toBe(true)
})

it('a request that waits for the rooms of a space hears of those that are put into it', async () => {
  const [alice, bob] = [await person('alice3'), await person('bob3')]
  const [space, roomId] = [
    await alice.createRoom({ preset: 'public_chat', creation_content: { type: 'm.space' } }),
    await alice.createRoom({ preset: 'public_chat' }),
  ]
  for (const where of [space, roomId]) await bob.join(where)
  const observer = new SlidingObserver(bob, 'main')
  const body = { lists: { all: { ranges: [[0, 9]], timeline_limit: 1, required_state: [], filters: { spaces: [space] } } } }
  expect((await observer.once(body)).lists).toEqual({ all: { count: 0 } })
  const waiting = observer.once(body, 20_000)
  await alice.sendState(space, 'm.space.child', roomId, { via: ['test.example'] })
  const { lists, rooms } = await waiting
  expect(lists).toEqual({ all: { count: 1 } })
  expect(Object.keys(rooms)).toEqual([roomId])
})

it('a client whose answer a crash has taken from the account hears that the user left a room of that answer', async () => {
  const [alice, bob] = [await person('alice4'), await person('bob4')]
  const [known, left] = [await alice.createRoom({ preset: 'public_chat' }), await alice.createRoom({ preset: 'public_chat' })]
  await bob.join(known)
  const observer = new SlidingObserver(bob, 'main')
  const body = list([['m.room.member', '$ME']])
  for (let times = 0; times < 2; times += 1) await observer.once(body)
  // The room settles: the account writes everything that it has in memory.
  await alice.send(known, 'more')
  advanceClock(60_000)
  await runDurableObjectAlarm(roomStub(known))
  await bob.join(left)
  expect((await observer.once(body)).rooms[left]?.initial).toBe(true)
  await endObject('user', bob.userId)
  await bob.leave(left)
  const { rooms } = await observer.once(body)
  expect(rooms[left]?.required_state?.map(({ content }) => content.membership)).toEqual(['leave'])
  expect((await observer.once(body)).rooms).toEqual({})
})
