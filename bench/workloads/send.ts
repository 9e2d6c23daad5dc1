import { inLanes } from '../bench.ts'
import type { MatrixClient } from '../client/matrix-client.ts'
import type { Workload } from '../workload.ts'

const SENDERS = 16

async function timedSend(sender: MatrixClient, roomId: string, samplesMs: number[]): Promise<void> {
  const { sentMs, receivedMs } = await sender.send(roomId)
  samplesMs.push(receivedMs - sentMs)
}

/** One sender, alone in a room, one message after the other. */
export const sendAlone: Workload = {
  name: 'send-1',
  title: 'send, 1 sender',
  prepare: async (bench) => {
    const sender = await bench.user('alone')
    const roomId = await bench.roomOf(sender, [], 'Alone')
    const { warmUp, sendsAlone } = bench.scale
    return async () => {
      const { name, title } = sendAlone
      const warm = (): Promise<void> => inLanes([sender], warmUp, async () => void (await sender.send(roomId)))
      const run = (samplesMs: number[]): Promise<void> => inLanes([sender], sendsAlone, () => timedSend(sender, roomId, samplesMs))
      return [await bench.measure({ name, title, operations: sendsAlone, warmUp: { operations: warmUp, run: warm }, run })]
    }
  },
}

/** Sixteen senders in one room, all of them members, nobody syncing. */
export const sendShared: Workload = {
  name: 'send-16',
  title: 'send, 16 senders in one room',
  prepare: async (bench) => {
    const senders = await bench.users('shared', SENDERS)
    const [creator, ...others] = senders
    if (creator === undefined) throw new Error('nobody sends')
    const roomId = await bench.roomOf(creator, others, 'Shared')
    const { warmUp, sendsShared } = bench.scale
    return async () => {
      const warmEach = Math.ceil(warmUp / SENDERS)
      const warm = (): Promise<void> => inLanes(senders, warmEach, async (sender) => void (await sender.send(roomId)))
      const each = Math.ceil(sendsShared / SENDERS)
      const { name, title } = sendShared
      const run = (samplesMs: number[]): Promise<void> => inLanes(senders, each, (sender) => timedSend(sender, roomId, samplesMs))
      return [await bench.measure({ name, title, operations: each * SENDERS, warmUp: { operations: warmEach * SENDERS, run: warm }, run })]
    }
  },
}

/** Many rooms at once, each with one sender of its own. */
export const sendOverRooms: Workload = {
  name: 'send-rooms',
  title: 'send, many rooms at once',
  prepare: async (bench) => {
    const senders = await bench.users('rooms', bench.scale.rooms)
    const lanes = await Promise.all(
      senders.map(async (sender) => ({ sender, roomId: await sender.createRoom({ preset: 'private_chat', name: 'One of many' }) })),
    )
    const { warmUp, sendsOverRooms } = bench.scale
    return async () => {
      const warmEach = Math.ceil(warmUp / lanes.length)
      const warm = (): Promise<void> => inLanes(lanes, warmEach, async ({ sender, roomId }) => void (await sender.send(roomId)))
      const each = Math.ceil(sendsOverRooms / lanes.length)
      const run = (samplesMs: number[]): Promise<void> => inLanes(lanes, each, ({ sender, roomId }) => timedSend(sender, roomId, samplesMs))
      const { name } = sendOverRooms
      const title = `send, ${lanes.length} rooms at once`
      const operations = each * lanes.length
      return [await bench.measure({ name, title, operations, warmUp: { operations: warmEach * lanes.length, run: warm }, run })]
    }
  },
}
