import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import type { MatrixClient } from '../client/matrix-client.ts'
import type { Workload } from '../workload.ts'

const POLL_TIMEOUT_MS = 25_000
const EVENTS_PER_SECOND = 10
const SECONDS = 20

/** Ten events a second into a room of many local members, of whom some poll: the others must cost nothing (SECURITY S7). */
export const largeRoom: Workload = {
  name: 'large-room',
  title: 'ten events a second into a large room',
  prepare: async (bench) => {
    const { largeRoomMembers, fanOutWaiting } = bench.scale
    const sender = await bench.user('speaker')
    const members = await bench.users('resident', largeRoomMembers - 1)
    const roomId = await bench.roomOf(sender, members, 'Large')
    const waiting = members.slice(0, fanOutWaiting)
    return async () => {
      for (const member of waiting) await member.sync(0)
      return [await measure(bench, sender, members, waiting, roomId)]
    }
  },
}

function measure(bench: Bench, sender: MatrixClient, members: readonly MatrixClient[], waiting: readonly MatrixClient[], roomId: string) {
  let listening = true
  let polls = 0
  let seconds = 0
  const listen = async (client: MatrixClient): Promise<void> => {
    while (listening) {
      await client.sync(POLL_TIMEOUT_MS)
      polls += 1
    }
  }
  const loops: Promise<void>[] = []
  return bench.measure({
    name: 'large-room',
    title: `an event into a room of ${members.length + 1} local members, ${EVENTS_PER_SECOND} a second, ${waiting.length} polling`,
    operations: EVENTS_PER_SECOND * SECONDS,
    run: async (samplesMs) => {
      loops.push(...waiting.map(listen))
      await bench.parked(waiting.length)
      const startedMs = performance.now()
      for (let sent = 0; sent < EVENTS_PER_SECOND * SECONDS; sent += 1) {
        const { sentMs, receivedMs } = await sender.send(roomId)
        samplesMs.push(receivedMs - sentMs)
        const nextMs = startedMs + ((sent + 1) * 1000) / EVENTS_PER_SECOND
        await delay(Math.max(0, nextMs - performance.now()))
      }
      seconds = (performance.now() - startedMs) / 1000
    },
    after: async () => {
      listening = false
      await Promise.all(loops)
    },
    extra: () => ({ members: members.length + 1, polling: waiting.length, seconds, answersToPolls: polls }),
  })
}
