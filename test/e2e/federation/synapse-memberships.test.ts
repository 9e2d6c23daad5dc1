import { describe, expect, it } from 'vitest'
import { eventually, joinVia } from '../../support/federation-pair.ts'
import type { MatrixClient } from '../../support/matrix-client.ts'
import { knockVia, readTheSame, SHARED_VERSIONS, synapseWorld, untilJoined, untilState } from '../../support/synapse/synapse-world.ts'
import { SYNAPSE_VENV } from '../../support/synapse-server.ts'

const SLOW = { timeout: 600_000 }
/** Who has the room, and who comes. */
const DIRECTIONS = [
  ['Myelin', 'ours', 'theirs'],
  ['Synapse', 'theirs', 'ours'],
] as const

describe.skipIf(SYNAPSE_VENV === undefined)('memberships shared with Synapse', () => {
  const world = synapseWorld()

  const untilMembership = (client: MatrixClient, roomId: string, userId: string, membership: string) =>
    untilState(client, roomId, 'm.room.member', userId, ({ content }) => content.membership === membership)

  async function talk(clients: readonly MatrixClient[], roomId: string): Promise<void> {
    for (const client of clients) await client.send(roomId, `${client.userId} is here`)
    await readTheSame(clients, roomId, clients.length)
  }

  describe.each(SHARED_VERSIONS)('in version %s', (version) => {
    const hasRestricted = Number(version) >= 8
    const hasKnocking = Number(version) >= 7

    it.each(DIRECTIONS)('%s has the room: invited, come, kicked, invited again and declined', SLOW, async (_, hostName, guestName) => {
      const { [hostName]: host, [guestName]: guest } = world()
      const roomId = await host.client.createRoom({ preset: 'private_chat', room_version: version })
      await expect(joinVia(guest.client, roomId, host.server)).rejects.toThrow(/403/)
      await host.client.moderate('invite', roomId, guest.client.userId)
      await eventually(
        () => guest.client.sync({}),
        ({ rooms }) => rooms?.invite?.[roomId] !== undefined,
      )
      await guest.client.join(roomId)
      await talk([host.client, guest.client], roomId)
      await host.client.moderate('kick', roomId, guest.client.userId)
      await untilJoined(guest.client, roomId, false)
      await host.client.moderate('invite', roomId, guest.client.userId)
      await eventually(
        () => guest.client.sync({}),
        ({ rooms }) => rooms?.invite?.[roomId] !== undefined,
      )
      await guest.client.leave(roomId)
      await untilMembership(host.client, roomId, guest.client.userId, 'leave')
    })

    it.each(DIRECTIONS)('%s has the room: banned, kept out, let in again', SLOW, async (_, hostName, guestName) => {
      const { [hostName]: host, [guestName]: guest } = world()
      const roomId = await host.client.createRoom({ preset: 'public_chat', room_version: version })
      await joinVia(guest.client, roomId, host.server)
      await host.client.moderate('ban', roomId, guest.client.userId)
      await untilJoined(guest.client, roomId, false)
      await expect(joinVia(guest.client, roomId, host.server)).rejects.toThrow(/403/)
      await host.client.moderate('unban', roomId, guest.client.userId)
      await eventually(
        () =>
          joinVia(guest.client, roomId, host.server).then(
            () => true,
            () => false,
          ),
        (joined) => joined,
      )
      await talk([host.client, guest.client], roomId)
    })

    it.runIf(hasKnocking).each(DIRECTIONS)('%s has the room: knocked, and let in', SLOW, async (_, hostName, guestName) => {
      const { [hostName]: host, [guestName]: guest } = world()
      const roomId = await host.client.createRoom({
        room_version: version,
        initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
      })
      await knockVia(guest.client, roomId, host.server)
      await untilMembership(host.client, roomId, guest.client.userId, 'knock')
      await host.client.moderate('invite', roomId, guest.client.userId)
      await eventually(
        () => guest.client.sync({}),
        ({ rooms }) => rooms?.invite?.[roomId] !== undefined,
      )
      await guest.client.join(roomId)
      await talk([host.client, guest.client], roomId)
    })

    it.runIf(hasRestricted).each(DIRECTIONS)('%s has the room: members of another room may join', SLOW, async (_, hostName, guestName) => {
      const { [hostName]: host, [guestName]: guest } = world()
      const space = await host.client.createRoom({ preset: 'public_chat', room_version: version })
      const allow = [{ type: 'm.room_membership', room_id: space, via: [host.server] }]
      const roomId = await host.client.createRoom({
        room_version: version,
        initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } }],
      })
      await expect(joinVia(guest.client, roomId, host.server)).rejects.toThrow(/40[03]/)
      await joinVia(guest.client, space, host.server)
      await joinVia(guest.client, roomId, host.server)
      const member = await untilMembership(host.client, roomId, guest.client.userId, 'join')
      expect(member?.content.join_authorised_via_users_server).toBe(host.client.userId)
      await talk([host.client, guest.client], roomId)
    })
  })
})
