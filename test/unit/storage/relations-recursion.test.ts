import { expect, test } from 'vitest'
import { MAX_RECURSED_RELATIONS } from '../../../src/storage/room/limits.ts'
import { ROOM_MIGRATIONS } from '../../../src/storage/room/migrations.generated.ts'
import { RelationTable } from '../../../src/storage/room/relations.ts'
import { NodeObjectDatabase } from '../../support/node-object-store.ts'

test('of more relations than one read looks at, those are found that are read first', () => {
  const store = new NodeObjectDatabase().open(ROOM_MIGRATIONS)
  const count = MAX_RECURSED_RELATIONS + 500
  const table = new RelationTable(store)
  store.transaction(undefined, () => {
    store.run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO events (nid, event_id, type, sender, content, origin_server_ts, depth, envelope, group_before, group_after, status, pos, ord)
       SELECT i, '$' || i, 'm.room.message', '@a:one.test', '{}', i, 1, '{}', 0, 0, 0, i, i FROM n`,
      count + 1,
    )
    store.run(
      `INSERT INTO relations (nid, parent, rel_type, type, sender, key, ord, origin_server_ts)
       SELECT nid, '$1', 'm.thread', type, sender, NULL, ord, origin_server_ts FROM events WHERE nid > 1`,
    )
  })
  const query = {
    parent: '$1',
    relType: undefined,
    eventType: undefined,
    recurse: true,
    afterOrd: -1,
    beforeOrd: Number.MAX_SAFE_INTEGER,
    limit: 3,
  }
  expect(table.page({ ...query, direction: 'backwards' }).map(({ nid }) => nid)).toEqual([count + 1, count, count - 1])
  expect(table.page({ ...query, direction: 'forwards' }).map(({ nid }) => nid)).toEqual([2, 3, 4])
})
