import { inLanes } from '../bench.ts'
import type { Workload } from '../workload.ts'

const HISTORY = 1000
const PAGE = 100
const WARM_CREATIONS = 5

/** A private room is created, a second user invited, who joins. */
export const createInviteJoin: Workload = {
  name: 'create-invite-join',
  title: 'create + invite + join',
  prepare: async (bench) => {
    const [host, guest] = [await bench.user('host'), await bench.user('guest')]
    const { creations } = bench.scale
    const once = async (): Promise<number> => {
      const startedMs = performance.now()
      const roomId = await host.createRoom({ preset: 'private_chat' })
      await host.invite(roomId, guest.userId)
      await guest.join(roomId)
      return performance.now() - startedMs
    }
    return async () => {
      const warm = (): Promise<void> => inLanes([host], WARM_CREATIONS, async () => void (await once()))
      const run = (samplesMs: number[]): Promise<void> => inLanes([host], creations, async () => void samplesMs.push(await once()))
      const { name, title } = createInviteJoin
      return [await bench.measure({ name, title, operations: creations, warmUp: { operations: WARM_CREATIONS, run: warm }, run })]
    }
  },
}

/** Pages of 100 events out of a room of 1,000. */
export const messages: Workload = {
  name: 'messages',
  title: '/messages, 100 events',
  prepare: async (bench) => {
    const reader = await bench.user('scroller')
    const roomId = await bench.roomOf(reader, [], 'History')
    for (let sent = 0; sent < HISTORY; sent += 1) await reader.send(roomId)
    const { pages, warmUp } = bench.scale
    let from: string | undefined
    const page = async (): Promise<number> => {
      const start = from === undefined ? '' : `&from=${encodeURIComponent(from)}`
      const answer = await reader.get(`/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=${PAGE}${start}`)
      const { end, chunk } = JSON.parse(answer.body.toString('utf8')) as { end?: string; chunk: unknown[] }
      // Pages that are not full are at the room's beginning: start again, and do not time them.
      from = chunk.length < PAGE ? undefined : end
      return chunk.length < PAGE ? Number.NaN : answer.receivedMs - answer.sentMs
    }
    return async () => {
      for (let done = 0; done < Math.min(warmUp, 50); done += 1) await page()
      const run = async (samplesMs: number[]): Promise<void> => {
        while (samplesMs.length < pages) {
          const elapsedMs = await page()
          if (!Number.isNaN(elapsedMs)) samplesMs.push(elapsedMs)
        }
      }
      const { name, title } = messages
      return [await bench.measure({ name, title, operations: pages, run })]
    }
  },
}
