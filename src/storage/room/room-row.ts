import type { ObjectStore } from '../object-store.ts'

/** Where a room stands: the one row of `room`. Values are replaced, never changed in place. */
export interface RoomHead {
  readonly roomId: string
  readonly version: string
  /** Names this life of the database; a restored room gets a new one. */
  readonly generation: string
  readonly life: 'joining' | 'active' | 'purged'
  /** Newest committed position. */
  readonly headPos: number
  /** Positions up to this one may have been handed out in memory. */
  readonly reservedPos: number
  /** Forward extremities as event numbers. */
  readonly extremities: readonly number[]
  readonly currentGroup: number
  readonly createdTs: number
  /** Up to here the queues of all other servers know what there is for them. */
  readonly federationPos: number
}

interface RoomRow extends Record<string, SqlStorageValue> {
  room_id: string
  version: string
  generation: string
  life: string
  head_pos: number
  reserved_pos: number
  extremities: string
  current_group: number
  created_ts: number
  federation_pos: number
}

/** Reads the room's row; `undefined` where no room was created or joined. */
export function readRoomHead(store: ObjectStore): RoomHead | undefined {
  const row = store.first<RoomRow>('SELECT * FROM room WHERE id = 1')
  if (row === undefined) return undefined
  const life = row.life
  if (life !== 'joining' && life !== 'active' && life !== 'purged') throw new Error(`room ${row.room_id}: unknown life ${life}`)
  const extremities: unknown = JSON.parse(row.extremities)
  if (!Array.isArray(extremities) || !extremities.every((nid) => typeof nid === 'number'))
    throw new Error(`room ${row.room_id}: bad extremities`)
  return {
    roomId: row.room_id,
    version: row.version,
    generation: row.generation,
    life,
    headPos: row.head_pos,
    reservedPos: row.reserved_pos,
    extremities,
    currentGroup: row.current_group,
    createdTs: row.created_ts,
    federationPos: row.federation_pos,
  }
}

/** Writes the room's row. The caller holds the transaction. */
export function writeRoomHead(store: ObjectStore, head: RoomHead): void {
  store.run(
    `INSERT OR REPLACE INTO room (id, room_id, version, generation, life, head_pos, reserved_pos, extremities, current_group, created_ts,
       federation_pos)
     VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    head.roomId,
    head.version,
    head.generation,
    head.life,
    head.headPos,
    head.reservedPos,
    JSON.stringify(head.extremities),
    head.currentGroup,
    head.createdTs,
    head.federationPos,
  )
}
