import { afterEach, describe, expect, it, vi } from 'vitest'
import { costTotals } from '../../../../src/runtime/metrics.ts'
import type { TestSession } from '../../../support/api-client.ts'
import { advanceClock, endObject, fireRoomAlarm } from '../../../support/crash-worker.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { GATEWAY_HOST, PushGateway, setPusher } from '../../../support/push-gateway.ts'
import { createRoom, join, ok, people, say } from '../../../support/room-api.ts'

/*
 * In a file of its own: what is counted is counted for everything that runs in this process.
 */

afterEach(() => vi.restoreAllMocks())

function gateway(): PushGateway {
  const scripted = new PushGateway()
  new HostileInternet().host(`${GATEWAY_HOST}:443`, scripted.answer).install()
  return scripted
}

describe('one message to many', () => {
  it('costs no commit before it is delivered, and few requests to the gateway', async () => {
    const users = (await people(21)) as [TestSession, ...TestSession[]]
    const [alice, ...members] = users
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    for (const who of members) ok(await join(who, roomId))
    const push = gateway()
    for (const [index, who] of members.entries()) await setPusher(who, `key ${index}`)
    // What joining left to do is done.
    advanceClock(60_000)
    await fireRoomAlarm(roomId)
    for (const { userId } of users) await endObject('user', userId)
    const before = costTotals().commit ?? 0
    await say(alice, roomId, 'hello')
    await Promise.all(members.map((_who, index) => push.told(`key ${index}`, 1)))
    expect((costTotals().commit ?? 0) - before).toBe(1)
    expect(push.requests).toBeLessThanOrEqual(5)
  })
})
