import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RoomList } from '../../../../src/durable/user/room-list.ts'
import { RoomOrder } from '../../../../src/durable/user/room-order.ts'
import type { Membership } from '../../../../src/matrix/membership.ts'
import { USER_MIGRATIONS } from '../../../../src/storage/user/migrations.generated.ts'
import { type OrderedRoom, orderedRoom } from '../../../../src/storage/user/ordered-rooms.ts'
import type { RoomListRow } from '../../../../src/storage/user/room-list.ts'
import { NodeObjectDatabase } from '../../../support/node-object-store.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../../support/property-runs.ts'

/*
 * Whatever changes, is written and is lost in whatever order: a list in memory has the rooms of the user's list that belong into it, in the order of
 * activity, as if it were sorted anew each time.
 */

const SELF = '@me:test'
const FILTERS: readonly ((room: OrderedRoom) => boolean)[] = [
  () => true,
  ({ encrypted }) => encrypted,
  ({ roomType }) => roomType !== 'm.space',
]

type Step =
  | { readonly do: 'set'; readonly room: number; readonly change: Partial<RoomListRow>; readonly memoryOnly: boolean }
  | { readonly do: 'write' | 'crash' | 'read all' }
  | { readonly do: 'look'; readonly filter: number }

const change = fc.record(
  {
    membership: fc.constantFrom<Membership>('join', 'join', 'join', 'invite', 'knock', 'leave', 'ban'),
    activityTs: fc.nat(5),
    lastSeq: fc.nat(5),
    newSeq: fc.nat(1),
    encrypted: fc.boolean(),
    forgotten: fc.constantFrom(false, false, false, true),
    roomType: fc.constantFrom(null, 'm.space'),
    sender: fc.constantFrom(SELF, '@other:test'),
  },
  { requiredKeys: [] },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('set'), room: fc.nat(5), change, memoryOnly: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('write', 'crash', 'read all') }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('look'), filter: fc.nat(FILTERS.length - 1) }) },
)

function rowOf(roomId: string): RoomListRow {
  return {
    ...{ roomId, membership: 'join', generation: 'g', membershipPos: 1, sender: SELF, isDirect: false, lastPos: 1, lastSeq: 1, newSeq: 1 },
    ...{ prunedSeq: 0, dirty: false, forgotten: false, unreadPos: 0, unreadSeq: 0, activityTs: 0, bumpTs: 0, memberPos: 0 },
    ...{ encrypted: false, roomType: null },
  }
}

it('a list in memory is the list sorted anew, whatever changes', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const db = new NodeObjectDatabase()
      let store = db.open(USER_MIGRATIONS)
      let rooms = new RoomList(store)
      let order = new RoomOrder(rooms, SELF)
      const perform = (next: Step): void => {
        switch (next.do) {
          case 'set': {
            const row = { ...(rooms.find(`!${next.room}`) ?? rowOf(`!${next.room}`)), ...next.change }
            if (next.memoryOnly && rooms.find(row.roomId) !== undefined) rooms.setInMemory(row)
            else rooms.set(row)
            return
          }
          case 'write':
            store.transaction(undefined, () => rooms.writeChanged())
            rooms.noteWritten()
            return
          case 'crash':
            store = db.open(USER_MIGRATIONS)
            rooms = new RoomList(store)
            order = new RoomOrder(rooms, SELF)
            return
          case 'read all':
            rooms.all()
            return
          case 'look':
            look(rooms, order, next.filter)
        }
      }
      for (const next of steps) perform(next)
      for (const filter of FILTERS.keys()) look(rooms, order, filter)
      checkLeft(rooms, order)
    }),
    { numRuns: propertyRuns(300) },
  )
})

/** Reads rows one by one, so that looking does not change what is in memory more than it must. */
function rowsOf(rooms: RoomList): RoomListRow[] {
  return Array.from({ length: 6 }, (_, room) => rooms.find(`!${room}`)).flatMap((row) => row ?? [])
}

function look(rooms: RoomList, order: RoomOrder, filter: number): void {
  const matches = FILTERS[filter] ?? (() => true)
  const seen = order.view(String(filter), [], matches).map(({ roomId }) => roomId)
  const expected = rowsOf(rooms)
    .map((row) => orderedRoom(row, SELF))
    .filter((room) => room.standing === 'listed' && matches(room))
    .sort((a, b) => b.activityTs - a.activityTs || b.lastSeq - a.lastSeq || (a.roomId < b.roomId ? -1 : 1))
  expect(seen).toEqual(expected.map(({ roomId }) => roomId))
}

function checkLeft(rooms: RoomList, order: RoomOrder): void {
  const expected = rowsOf(rooms).filter((row) => orderedRoom(row, SELF).standing === 'left' && row.lastSeq > 2)
  expect([...order.leftSince(2)].map(({ roomId }) => roomId).sort()).toEqual(expected.map(({ roomId }) => roomId).sort())
}
