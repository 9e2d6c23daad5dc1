import { expect, test } from 'vitest'
import { ROOM_MIGRATIONS } from '../../../src/storage/room/migrations.generated.ts'
import { RelationTable } from '../../../src/storage/room/relations.ts'
import { NodeObjectDatabase } from '../../support/node-object-store.ts'

const BEFORE = ROOM_MIGRATIONS.findIndex(({ name }) => name === 'relations')
const STEP = 2 ** 20

test('rooms from before the table of relations have theirs in it', () => {
  const database = new NodeObjectDatabase()
  const old = database.open(ROOM_MIGRATIONS.slice(0, BEFORE))
  const relates = (value: unknown) => ({ 'm.relates_to': value })
  const contents: readonly (readonly [content: unknown, status?: number])[] = [
    [{ body: '"m.relates_to"' }],
    [relates({ rel_type: 'm.thread', event_id: '$1' })],
    [relates({ rel_type: 'm.annotation', event_id: '$1', key: '👍' })],
    [relates({ rel_type: 'm.annotation', event_id: '$1', key: 3 })],
    [relates({ rel_type: 'm.thread', event_id: '$1' }), 1],
    [relates({ rel_type: 3, event_id: '$1' })],
    [relates({ rel_type: 'm.thread' })],
    [relates(['m.thread', '$1'])],
    [relates('m.thread')],
    [relates({ rel_type: 'm.thread', event_id: '$1' })],
  ]
  for (const [index, [content, status = 0]] of contents.entries()) {
    const nid = index + 1
    old.run(
      `INSERT INTO events (nid, event_id, type, sender, content, origin_server_ts, depth, envelope, group_before, group_after, status, pos, ord)
       VALUES (?, ?, 'm.room.message', '@a:one.test', ?, ?, 1, '{}', 0, 0, ?, ?, ?)`,
      ...[nid, `$${nid}`, JSON.stringify(content), 1000 + nid, status, status === 0 ? nid : null, status === 0 ? nid * STEP : null],
    )
  }
  const table = new RelationTable(database.open(ROOM_MIGRATIONS))
  const page = { parent: '$1', relType: undefined, eventType: undefined, recurse: false, direction: 'forwards', afterOrd: -1 } as const
  const rows = table.page({ ...page, beforeOrd: Number.MAX_SAFE_INTEGER, limit: 100 })
  expect(rows.map(({ nid }) => nid)).toEqual([2, 3, 4, 10])
  expect(table.threads.find('$1')).toEqual({ root: '$1', latestOrd: 10 * STEP, count: 2, latestNid: 10 })
  const annotation = (key: string | undefined) => table.hasFrom('$1', '@a:one.test', 'm.annotation', { type: 'm.room.message', key })
  expect([annotation('👍'), annotation('👎'), annotation(undefined)]).toEqual([true, false, true])
})
