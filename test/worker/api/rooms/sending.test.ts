import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { costsOfRequest, costTotals } from '../../../../src/runtime/metrics.ts'
import { type Answer, call, type TestSession, tryLogin } from '../../../support/api-client.ts'
import { createRoom, enc, getState, join, moderate, ok, people, putState, readableEvents, redact, say } from '../../../support/room-api.ts'

type Pair = [TestSession, TestSession]

function costs(answer: Answer) {
  const requestId = answer.headers.get('x-request-id')
  return requestId === null ? undefined : costsOfRequest(requestId)
}

describe('transactions', () => {
  it('make one event of twenty requests at once', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const before = (await readableEvents(alice, roomId)).length
    const answers = await Promise.all(Array.from({ length: 20 }, () => say(alice, roomId, 'once', 'txn')))
    expect(new Set(answers.map((answer) => ok(answer).body.event_id)).size).toBe(1)
    expect(await readableEvents(alice, roomId)).toHaveLength(before + 1)
  })

  it('belong to the device and the endpoint', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const { body: second } = ok(await tryLogin(alice.localpart))
    const first = ok(await say(alice, roomId, 'a', 'txn')).body.event_id
    const other = ok(await say({ ...alice, token: second.access_token }, roomId, 'a', 'txn')).body.event_id
    const content = { token: alice.token, body: { body: 'x' } }
    const type = ok(await call('PUT', `/rooms/${enc(roomId)}/send/m.sticker/txn`, content)).body.event_id
    const redaction = ok(await call('PUT', `/rooms/${enc(roomId)}/redact/${enc(first)}/txn`, { token: alice.token, body: {} })).body
      .event_id
    expect(new Set([first, other, type, redaction]).size).toBe(4)
    expect(ok(await say(alice, roomId, 'changed', 'txn')).body.event_id).toBe(first)
  })

  it('are remembered when the object comes back', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const first = ok(await say(alice, roomId, 'a', 'txn')).body.event_id
    await env.ROOM.get(env.ROOM.idFromName(roomId))
      .abortForTest()
      .catch(() => undefined)
    expect(ok(await say(alice, roomId, 'a', 'txn')).body.event_id).toBe(first)
  })
})

describe('events', () => {
  it('need an object for content, within the limits of events', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const send = (body: unknown, type = 'm.room.message') =>
      call('PUT', `/rooms/${enc(roomId)}/send/${enc(type)}/${Math.random()}`, { token: alice.token, body })
    expect(await send('[]')).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    expect(await send('"text"')).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    expect(await send('{"n":1.5}')).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    expect(await send('{"n":9007199254740993}')).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    expect(await send('{')).toMatchObject({ status: 400, body: { errcode: 'M_NOT_JSON' } })
    expect(await send({ body: 'x'.repeat(65_000) })).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
    expect(await send({}, 't'.repeat(256))).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
    expect(await send({ __proto__: null, constructor: { prototype: 1 } })).toMatchObject({ status: 200 })
  })

  it('return content with keys that mean something to JavaScript', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const text = '{"__proto__":{"x":1},"constructor":"c","toString":2}'
    const path = `/rooms/${enc(roomId)}/state/hasOwnProperty/__proto__`
    ok(await call('PUT', path, { token: alice.token, body: text }))
    const answer = await getState(alice, roomId, 'hasOwnProperty', '__proto__')
    expect(JSON.stringify(answer.body)).toBe(text)
  })

  it('set state under an empty key with and without the last slash', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const path = `/rooms/${enc(roomId)}/state/m.room.name`
    ok(await call('PUT', path, { token: alice.token, body: { name: 'without' } }))
    expect((await call('GET', `${path}/`, { token: alice.token })).body).toEqual({ name: 'without' })
    ok(await call('PUT', `${path}/`, { token: alice.token, body: { name: 'with' } }))
    expect((await call('GET', path, { token: alice.token })).body).toEqual({ name: 'with' })
    expect((await call('GET', `${path}?format=event`, { token: alice.token })).body).toMatchObject({ type: 'm.room.name', state_key: '' })
  })

  it('keep state keys as they are', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    for (const key of ['a/b', 'a%2Fb', '...', ' ', 'ü', '+']) {
      ok(await putState(alice, roomId, 'test.state', { key }, key))
      expect((await getState(alice, roomId, 'test.state', key)).body).toEqual({ key })
    }
  })

  it('are not repeated where state stays the same', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const first = ok(await putState(alice, roomId, 'm.room.name', { name: 'x' })).body.event_id
    expect(ok(await putState(alice, roomId, 'm.room.name', { name: 'x' })).body.event_id).toBe(first)
    expect(ok(await putState(alice, roomId, 'm.room.name', { name: 'y' })).body.event_id).not.toBe(first)
  })

  it('lose their content to a redaction in every room version', async () => {
    for (const version of ['10', '11', '12']) {
      const [alice] = (await people(1)) as [TestSession]
      const roomId = await createRoom(alice, { room_version: version })
      const eventId = ok(await say(alice, roomId, 'secret')).body.event_id
      const redaction = ok(await redact(alice, roomId, eventId)).body.event_id
      const event = ok(await call('GET', `/rooms/${enc(roomId)}/event/${enc(eventId)}`, { token: alice.token })).body
      expect(event.content).toEqual({})
      expect(event.unsigned.redacted_because.event_id).toBe(redaction)
    }
  })

  it('are redacted by an event that names its target in its content', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const eventId = ok(await say(alice, roomId, 'secret')).body.event_id
    const path = `/rooms/${enc(roomId)}/send/m.room.redaction/r`
    ok(await call('PUT', path, { token: alice.token, body: { redacts: eventId } }))
    expect((await call('GET', `/rooms/${enc(roomId)}/event/${enc(eventId)}`, { token: alice.token })).body.content).toEqual({})
    expect(await call('PUT', `${path}2`, { token: alice.token, body: {} })).toMatchObject({ status: 400 })
  })

  it('decided together with a loss of power are refused or come before it', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const levels = ok(await getState(alice, roomId, 'm.room.power_levels')).body
    const [muted, ...sent] = await Promise.all([
      putState(alice, roomId, 'm.room.power_levels', { ...levels, events_default: 50 }),
      ...Array.from({ length: 10 }, (_, n) => say(bob, roomId, `${n}`)),
    ])
    const order = await readableEvents(alice, roomId)
    const at = order.indexOf(ok(muted).body.event_id)
    for (const answer of sent) {
      if (answer.status === 200) expect(order.indexOf(answer.body.event_id)).toBeGreaterThan(at)
      else expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    }
    expect(order).toHaveLength(new Set(order).size)
    expect((await say(bob, roomId)).status).toBe(403)
  })
})

describe('budgets', () => {
  it('of a message: two round trips, one commit, no registry', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    ok(await join(bob, roomId))
    const answer = ok(await say(bob, roomId))
    expect(costs(answer)).toEqual({ rpc: 2, commit: 1 })
  })

  it('of sixteen senders at once: at most one commit for four messages, once the room has noticed', async () => {
    const [alice] = (await people(1)) as [TestSession]
    const roomId = await createRoom(alice)
    const sixteen = () => Promise.all(Array.from({ length: 16 }, async () => ok(await say(alice, roomId))))
    for (let round = 0; round < 4; round += 1) await sixteen()
    const before = costTotals().commit ?? 0
    for (let round = 0; round < 4; round += 1) await sixteen()
    expect((costTotals().commit ?? 0) - before).toBeLessThanOrEqual(16)
  })

  it('of creating, inviting and joining: at most seven commits', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const before = costTotals().commit ?? 0
    const roomId = await createRoom(alice)
    ok(await moderate(alice, 'invite', roomId, bob))
    ok(await join(bob, roomId))
    expect((costTotals().commit ?? 0) - before).toBeLessThanOrEqual(7)
  })

  it('of joining a room that the user is invited to: two round trips and no registry', async () => {
    const [alice, bob] = (await people(2)) as Pair
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    const answer = ok(await join(bob, roomId))
    expect(costs(answer)).toMatchObject({ rpc: 2 })
    expect(costs(answer)).not.toHaveProperty('d1')
  })
})
