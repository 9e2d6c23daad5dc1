import { afterEach, expect, it, vi } from 'vitest'
import { call, logIn, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { type SweepAnswer, sweepClientEndpoints, sweepServerEndpoints } from '../../../support/endpoint-sweep.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { HostileServer } from '../../../support/hostile-server.ts'
import { createRoom, enc, join, ok, say } from '../../../support/room-api.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** In all that somebody keeps for themselves. */
const MARK = 'zq7private'
const ADDRESS = '198.51.100.77'

const send = async (who: TestSession, method: string, path: string, body: unknown) =>
  ok(await call(method, path, { token: who.token, body, headers: { 'CF-Connecting-IP': ADDRESS } }))

/** Somebody who keeps something of every kind, and what the server calls it. */
async function privatePerson(): Promise<{
  alice: TestSession
  bob: TestSession
  roomId: string
  eventId: string
  readId: string
  filterId: string
}> {
  const [alice, bob] = [await registerAccount(), await registerAccount()]
  const roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  const eventId: string = ok(await say(bob, roomId, 'first')).body.event_id
  const user = `/user/${enc(alice.userId)}`
  await send(alice, 'PUT', `${user}/account_data/${MARK}.type`, { [MARK]: MARK })
  await send(alice, 'PUT', `${user}/rooms/${enc(roomId)}/account_data/${MARK}.type`, { [MARK]: MARK })
  await send(alice, 'PUT', `${user}/account_data/m.ignored_user_list`, { ignored_users: { [`@${MARK}:test.example`]: {} } })
  await send(alice, 'PUT', `${user}/rooms/${enc(roomId)}/account_data/m.tag`, { tags: { [`u.${MARK}`]: { order: 0.5 } } })
  await send(alice, 'PUT', `/pushrules/global/content/${MARK}`, { pattern: MARK, actions: ['notify'] })
  await send(alice, 'PUT', `/devices/${enc(alice.deviceId)}`, { display_name: `${MARK} phone` })
  await logIn(alice.localpart, { device_id: `${MARK}DEVICE`.toUpperCase() })
  const { filter_id: filterId } = (
    await send(alice, 'POST', `${user}/filter`, { room: { timeline: { senders: [`@${MARK}:test.example`] } } })
  ).body
  await send(alice, 'PUT', `/sendToDevice/m.dummy/${MARK}`, { messages: { [alice.userId]: { '*': { [MARK]: MARK } } } })
  // Read privately: another event than the one that everybody knows to have been read.
  await send(alice, 'POST', `/rooms/${enc(roomId)}/receipt/m.read/${enc(eventId)}`, {})
  const readId: string = ok(await say(bob, roomId, 'second')).body.event_id
  await send(alice, 'POST', `/rooms/${enc(roomId)}/receipt/m.read.private/${enc(readId)}`, {})
  await send(alice, 'POST', `/rooms/${enc(roomId)}/read_markers`, { 'm.fully_read': readId })
  return { alice, bob, roomId, eventId, readId, filterId }
}

function betrays({ text }: SweepAnswer): boolean {
  return text.toLowerCase().includes(MARK) || text.includes(ADDRESS) || text.includes('m.read.private')
}

it('R5: tells nobody of the private receipts, account data, tags, push rules, filters, devices and addresses of somebody else', async () => {
  const { alice, bob, roomId, eventId, filterId } = await privatePerson()
  // They are there: their owner finds them all.
  const own = await sweepClientEndpoints({
    token: async () => alice.token,
    values: {
      userId: alice.userId,
      roomId,
      eventId,
      filterId,
      deviceId: alice.deviceId,
      type: `${MARK}.type`,
      scope: 'global',
      kind: 'content',
      ruleId: MARK,
      other: 'x',
    },
    methods: ['GET'],
  })
  const found = own.filter(betrays).map(({ endpoint }) => endpoint)
  for (const part of ['/sync', '/account_data/', 'pushrules', '/filter/', '/devices', '/devices/:deviceId']) {
    expect(
      found.some((endpoint) => endpoint.includes(part)),
      part,
    ).toBe(true)
  }
  const values = {
    userId: alice.userId,
    roomId,
    roomIdOrAlias: roomId,
    eventId,
    filterId,
    deviceId: alice.deviceId,
    type: `${MARK}.type`,
    other: 'x',
  }
  const older = { required_state: [['*', '*']], timeline_limit: 50 }
  const merged = { required_state: { include: [{ type: '*', state_key: '*' }] }, timeline_limit: 50 }
  const lists = (config: object) => ({ all: { ranges: [[0, 10]], range: [0, 10], ...config } })
  const body = {
    extensions: Object.fromEntries(['to_device', 'e2ee', 'account_data', 'receipts', 'typing'].map((name) => [name, { enabled: true }])),
    device_keys: { [alice.userId]: [] },
    one_time_keys: { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } },
    search_term: alice.localpart,
  }
  const asked = [
    ...(await sweepClientEndpoints({ token: async () => bob.token, values, methods: ['GET'] })),
    ...(await sweepClientEndpoints({ token: async () => bob.token, values, query: '?dir=b&limit=100', methods: ['GET'] })),
  ]
  const posts: [string, object][] = [
    ['/_matrix/client/v4/sync', { lists: lists(merged), room_subscriptions: { [roomId]: merged } }],
    ['/_matrix/client/unstable/org.matrix.simplified_msc3575/sync', { lists: lists(older), room_subscriptions: { [roomId]: older } }],
    ['/keys/query', {}],
    ['/keys/claim', {}],
  ]
  for (const [path, more] of posts) {
    const answer = await call('POST', path, { token: bob.token, body: { ...body, ...more } })
    expect(answer.status, path).toBe(200)
    asked.push({ endpoint: path, auth: 'user', status: 200, headers: answer.headers, text: JSON.stringify(answer.body) })
  }
  const peer = new HostileServer('curious.example', 31)
  new HostileInternet().install().server(peer)
  asked.push(...(await sweepServerEndpoints(peer, { values, body: { device_keys: { [alice.userId]: [] } } })))
  const [told, refused] = [asked.filter(({ status }) => status === 200), asked.filter(({ status }) => status >= 400)]
  expect([told.length > 30, refused.length > 10]).toEqual([true, true])
  expect(asked.filter(betrays).map(({ endpoint, status, text }) => [endpoint, status, text])).toEqual([])
  // What is public of the same kinds is told: else nothing would have been shown by this.
  expect(told.some(({ text }) => text.includes(`"m.read":{"${alice.userId}"`))).toBe(true)
})
