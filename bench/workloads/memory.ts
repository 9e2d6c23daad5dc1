import { residentMibOf } from '../measure/process-usage.ts'
import type { Workload } from '../workload.ts'

/** Rooms asked at once. */
const LANES = 16

/** Resident memory of workerd while many room objects are in memory. */
export const memory: Workload = {
  name: 'memory',
  title: 'room objects in memory',
  prepare: async (bench) => {
    const owner = await bench.user('owner')
    const roomIds: string[] = []
    for (let made = 0; made < bench.scale.liveRooms; made += 1) roomIds.push(await owner.createRoom({ preset: 'private_chat' }))
    return async () => {
      if (roomIds.length === 0) return []
      const beforeMib = await residentMibOf(await bench.server.workerdPid())
      // A fresh process: what the other workloads left in the heap is not the question here.
      await bench.server.restart()
      owner.reconnect()
      const pid = await bench.server.workerdPid()
      await owner.get('/account/whoami')
      const idleMib = await residentMibOf(pid)
      let liveMib = 0
      const run = async (samplesMs: number[]): Promise<void> => {
        const queue = [...roomIds]
        await Promise.all(
          Array.from({ length: LANES }, async () => {
            const own = owner.onNewConnection()
            for (let roomId = queue.pop(); roomId !== undefined; roomId = queue.pop()) {
              const { sentMs, receivedMs } = await own.send(roomId)
              samplesMs.push(receivedMs - sentMs)
            }
            own.close()
          }),
        )
        liveMib = await residentMibOf(pid)
      }
      const result = await bench.measure({
        name: memory.name,
        title: `first send after a restart into each of ${roomIds.length} rooms`,
        operations: roomIds.length,
        run,
        extra: () => ({ afterAllWorkloadsMib: beforeMib, idleMib, liveMib }),
      })
      return [result]
    }
  },
}
