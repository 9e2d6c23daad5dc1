import { inLanes } from '../bench.ts'
import type { MatrixClient } from '../client/matrix-client.ts'
import type { Workload } from '../workload.ts'

const MESSAGES_PER_ROOM = 20
/** Rooms filled at once while preparing. */
const FILLED_AT_ONCE = 8
/** How long a poll waits in which nothing happens. */
const IDLE_POLL_MS = 500

async function fillRooms(reader: MatrixClient, writer: MatrixClient, roomIds: readonly string[]): Promise<void> {
  const queue = [...roomIds]
  const lanes = Array.from({ length: FILLED_AT_ONCE }, () => undefined)
  await Promise.all(
    lanes.map(async () => {
      const own = writer.onNewConnection()
      for (let roomId = queue.pop(); roomId !== undefined; roomId = queue.pop()) {
        for (let sent = 0; sent < MESSAGES_PER_ROOM; sent += 1) await own.send(roomId)
      }
      own.close()
    }),
  )
  await reader.sync(0)
}

/** An account in many rooms of 20 messages each: initial sync cold and warm, then incremental ones. */
export const syncing: Workload = {
  name: 'sync',
  title: 'sync of an account in many rooms',
  prepare: async (bench) => {
    const [reader, writer] = [await bench.user('reader'), await bench.user('writer')]
    const roomIds: string[] = []
    for (let made = 0; made < bench.scale.syncRooms; made += 1) {
      const roomId = await writer.createRoom({ preset: 'public_chat', name: `Room ${made}`, topic: 'One of many' })
      await reader.join(roomId)
      roomIds.push(roomId)
    }
    await fillRooms(reader, writer, roomIds)
    const { initialSyncs, syncs } = bench.scale
    const timedSync = async (samplesMs: number[], timeoutMs: number): Promise<number> => {
      const { sentMs, receivedMs, body } = await reader.sync(timeoutMs)
      samplesMs.push(receivedMs - sentMs)
      return body.length
    }
    let bytes = 0
    const initial = (title: string, name: string, operations: number) =>
      bench.measure({
        name,
        title: `${title}, ${roomIds.length} rooms`,
        operations,
        run: (samplesMs) =>
          inLanes([reader], operations, async () => {
            reader.since = undefined
            bytes = await timedSync(samplesMs, 0)
          }),
        extra: () => ({ responseKib: bytes / 1024 }),
      })
    return async () => {
      const warm = await initial('initial sync', 'sync-initial', initialSyncs)
      const nothing = await bench.measure({
        name: 'sync-nothing',
        title: `incremental sync, nothing new, ${roomIds.length} rooms`,
        operations: syncs,
        run: (samplesMs) => inLanes([reader], syncs, async () => void (await timedSync(samplesMs, 0))),
      })
      const idlePolls = Math.ceil(syncs / 10)
      const parked = await bench.measure({
        name: 'sync-parked',
        title: `poll of ${IDLE_POLL_MS} ms in which nothing happens`,
        operations: idlePolls,
        run: (samplesMs) => inLanes([reader], idlePolls, async () => void (await timedSync(samplesMs, IDLE_POLL_MS))),
      })
      const roomId = roomIds[0] ?? ''
      let sends = 0
      const one = await bench.measure({
        name: 'sync-one',
        title: `incremental sync, one event (its send not timed), ${roomIds.length} rooms`,
        operations: syncs,
        run: (samplesMs) =>
          inLanes([reader], syncs, async () => {
            await writer.send(roomId)
            sends += 1
            await timedSync(samplesMs, 0)
          }),
        extra: () => ({ sends }),
      })
      await bench.server.restart()
      reader.reconnect()
      writer.reconnect()
      const cold = await initial('initial sync after a restart', 'sync-initial-cold', 1)
      return [warm, cold, nothing, parked, one]
    }
  },
}
