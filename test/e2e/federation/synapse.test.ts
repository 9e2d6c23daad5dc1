import { describe, expect, it } from 'vitest'
import { eventually, joinVia } from '../../support/federation-pair.ts'
import {
  bodies,
  readTheSame,
  SHARED_VERSIONS,
  type Side,
  synapseWorld,
  untilJoined,
  untilState,
} from '../../support/synapse/synapse-world.ts'
import { SYNAPSE_VENV } from '../../support/synapse-server.ts'

/** Messages that each side says: many in one of two rooms of each version, few in the other. */
const MANY = 500
const FEW = 20
/** Versions whose long conversation is in a room that was made here; those of the others are in rooms made there. */
const LONG_HERE: readonly string[] = ['6', '10', '12']
/** Requests at once. */
const AT_ONCE = 10
const SLOW = { timeout: 1_800_000 }

describe.skipIf(SYNAPSE_VENV === undefined)('rooms shared with Synapse', () => {
  const world = synapseWorld()

  async function say(side: Side, roomId: string, count: number, prefix: string): Promise<void> {
    for (let start = 0; start < count; start += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, index) => start + index)
      await Promise.all(numbers.map((number) => side.client.send(roomId, `${prefix} ${number}`)))
    }
  }

  describe.each(['1', '3', '5'])('of the old version %s', (version) => {
    it.each([
      ['here', 'ours', 'theirs'],
      ['there', 'theirs', 'ours'],
    ] as const)('made %s: the other user is invited, both speak, change and redact, and leave', SLOW, async (_, hostName, guestName) => {
      const { [hostName]: host, [guestName]: guest } = world()
      const roomId = await host.client.createRoom({
        preset: 'private_chat',
        room_version: version,
        power_level_content_override: { events: { 'm.room.topic': 0 } },
      })
      await host.client.moderate('invite', roomId, guest.client.userId)
      await joinVia(guest.client, roomId, host.server)
      await Promise.all([say(host, roomId, 3, 'host'), say(guest, roomId, 3, 'guest')])
      await readTheSame([host.client, guest.client], roomId, 6)
      await guest.client.sendState(roomId, 'm.room.topic', '', { topic: 'of the guest' })
      await untilState(host.client, roomId, 'm.room.topic', '', ({ content }) => content.topic === 'of the guest')
      const slip = await guest.client.send(roomId, 'a slip')
      await readTheSame([host.client, guest.client], roomId, 7)
      await guest.client.redact(roomId, slip)
      await readTheSame([host.client, guest.client], roomId, 6)
      const ids = async ({ client }: Side) => (await client.state(roomId)).map(({ event_id: id }) => id).sort()
      expect(await ids(host)).toEqual(await ids(guest))
      await guest.client.leave(roomId)
      await untilState(host.client, roomId, 'm.room.member', guest.client.userId, ({ content }) => content.membership === 'leave')
    })
  })

  describe.each(SHARED_VERSIONS)('of version %s', (version) => {
    it.each([
      ['here', 'ours', 'theirs', LONG_HERE.includes(version) ? MANY : FEW],
      ['there', 'theirs', 'ours', LONG_HERE.includes(version) ? FEW : MANY],
    ] as const)('made %s: the other server joins, and messages go both ways', SLOW, async (_, hostName, guestName, count) => {
      const { [hostName]: host, [guestName]: guest } = world()
      const roomId = await host.client.createRoom({ preset: 'public_chat', room_version: version })
      await joinVia(guest.client, roomId, host.server)
      await Promise.all([say(host, roomId, count, 'host'), say(guest, roomId, count, 'guest')])
      await readTheSame([host.client, guest.client], roomId, 2 * count)
    })

    it('has one state on both servers, whoever changes it', SLOW, async () => {
      const { ours, theirs } = world()
      const roomId = await ours.client.createRoom({
        preset: 'public_chat',
        room_version: version,
        power_level_content_override: { events: { 'm.room.topic': 0, 'm.room.name': 50 } },
      })
      await joinVia(theirs.client, roomId, ours.server)
      await theirs.client.sendState(roomId, 'm.room.topic', '', { topic: 'theirs' })
      await untilState(ours.client, roomId, 'm.room.topic', '', ({ content }) => content.topic === 'theirs')
      await ours.client.sendState(roomId, 'm.room.name', '', { name: 'ours' })
      await untilState(theirs.client, roomId, 'm.room.name', '', ({ content }) => content.name === 'ours')
      await expect(theirs.client.sendState(roomId, 'm.room.name', '', { name: 'theirs' })).rejects.toThrow(/403/)
      const ids = async ({ client }: Side) => (await client.state(roomId)).map(({ event_id: id }) => id).sort()
      expect(await ids(ours)).toEqual(await ids(theirs))
    })

    it('loses on both servers what is redacted', SLOW, async () => {
      const { ours, theirs } = world()
      const roomId = await ours.client.createRoom({ preset: 'public_chat', room_version: version })
      await joinVia(theirs.client, roomId, ours.server)
      const [first, second] = [await ours.client.send(roomId, 'a slip'), await theirs.client.send(roomId, 'another')]
      await readTheSame([ours.client, theirs.client], roomId, 2)
      await ours.client.redact(roomId, first)
      await theirs.client.redact(roomId, second)
      await readTheSame([ours.client, theirs.client], roomId, 0)
    })

    it('is left and joined again, with nothing missing of what was said meanwhile', SLOW, async () => {
      const { ours, theirs } = world()
      const roomId = await theirs.client.createRoom({ preset: 'public_chat', room_version: version })
      await joinVia(ours.client, roomId, theirs.server)
      await say(ours, roomId, 5, 'before')
      await readTheSame([ours.client, theirs.client], roomId, 5)
      await ours.client.leave(roomId)
      await say(theirs, roomId, 100, 'meanwhile')
      await joinVia(ours.client, roomId, theirs.server)
      await say(ours, roomId, 5, 'after')
      const all = await readTheSame([ours.client, theirs.client], roomId, 110)
      expect(all.slice(0, 5).every((body) => String(body).startsWith('before'))).toBe(true)
    })

    it.each([
      ['here', 'ours', 'theirs'],
      ['there', 'theirs', 'ours'],
    ] as const)('made %s, is replaced by another, and members follow', SLOW, async (_, hostName, guestName) => {
      const { [hostName]: host, [guestName]: guest } = world()
      const roomId = await host.client.createRoom({ preset: 'public_chat', room_version: version, name: 'old town' })
      await joinVia(guest.client, roomId, host.server)
      const next = version === '12' ? '12' : '11'
      const path = `/v3/rooms/${encodeURIComponent(roomId)}/upgrade`
      const { replacement_room: newRoomId } = await host.client.call<{ replacement_room: string }>('POST', path, {
        body: { new_version: next },
      })
      const isEnd = ({ content }: { readonly content: Readonly<Record<string, unknown>> }): boolean =>
        content.replacement_room === newRoomId
      await untilState(guest.client, roomId, 'm.room.tombstone', '', isEnd)
      await joinVia(guest.client, newRoomId, host.server)
      await untilState(guest.client, newRoomId, 'm.room.name', '', ({ content }) => content.name === 'old town')
      await guest.client.send(newRoomId, 'moved')
      await eventually(
        () => bodies(host.client, newRoomId),
        (list) => list.includes('moved'),
      )
      await untilJoined(guest.client, newRoomId, true)
    })
  })
})
