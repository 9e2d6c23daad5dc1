import { type Bench, inLanes } from '../bench.ts'
import type { MatrixClient } from '../client/matrix-client.ts'
import type { Workload } from '../workload.ts'
import type { WorkloadResult } from '../workload-result.ts'

/** How long a poll may wait: longer than any step of a workload, so that polls only end because of a message. */
const POLL_TIMEOUT_MS = 25_000

interface Audience {
  readonly sender: MatrixClient
  readonly receivers: readonly MatrixClient[]
  readonly roomId: string
}

async function gather(bench: Bench, receivers: number): Promise<Audience> {
  const sender = await bench.user('speaker')
  const members = await bench.users('listener', receivers)
  const roomId = await bench.roomOf(sender, members, 'Audience')
  for (const member of members) await member.sync(0)
  return { sender, receivers: members, roomId }
}

/** Brings every receiver to the room's end, so that the next poll waits. */
async function catchUp({ receivers }: Audience): Promise<void> {
  await Promise.all(receivers.map((receiver) => receiver.sync(0)))
}

/** Sends one message to waiting receivers; answers the time from its request to the last receiver's answer. */
async function deliverOnce(bench: Bench, { sender, receivers, roomId }: Audience): Promise<number> {
  const waiting = receivers.map((receiver) => receiver.sync(POLL_TIMEOUT_MS))
  await bench.parked(receivers.length)
  const { sentMs } = await sender.send(roomId)
  const answers = await Promise.all(waiting)
  return Math.max(...answers.map(({ receivedMs }) => receivedMs)) - sentMs
}

async function measureDelivery(bench: Bench, name: string, title: string, audience: Audience): Promise<WorkloadResult> {
  const { deliveries, warmUp } = bench.scale
  await catchUp(audience)
  const warmUps = Math.min(warmUp, 20)
  const warm = (): Promise<void> => inLanes([audience], warmUps, async () => void (await deliverOnce(bench, audience)))
  const run = (samplesMs: number[]): Promise<void> =>
    inLanes([audience], deliveries, async () => void samplesMs.push(await deliverOnce(bench, audience)))
  return await bench.measure({ name, title, operations: deliveries, warmUp: { operations: warmUps, run: warm }, run })
}

/** One message at a time to one waiting receiver. */
export const deliverToOne: Workload = {
  name: 'deliver-1',
  title: 'delivery to 1 waiting receiver',
  prepare: async (bench) => {
    const audience = await gather(bench, 1)
    return async () => [await measureDelivery(bench, deliverToOne.name, deliverToOne.title, audience)]
  },
}

/** One message at a time to many waiting receivers, then as many messages as one sender manages while all of them listen. */
export const deliverToMany: Workload = {
  name: 'deliver-many',
  title: 'delivery to the last of many waiting receivers',
  prepare: async (bench) => {
    const audience = await gather(bench, bench.scale.receivers)
    const { name } = deliverToMany
    return async () => [
      await measureDelivery(bench, name, `delivery to the last of ${audience.receivers.length} waiting receivers`, audience),
      await measureBurst(bench, audience),
    ]
  },
}

async function measureBurst(bench: Bench, audience: Audience): Promise<WorkloadResult> {
  const { sender, receivers, roomId } = audience
  const { burst } = bench.scale
  let received = 0
  let polls = 0
  let listening = true
  const last = `last message of ${burst}`
  const listen = async (receiver: MatrixClient): Promise<void> => {
    for (;;) {
      const { body } = await receiver.sync(POLL_TIMEOUT_MS)
      polls += 1
      if (body.includes(last)) break
      if (!listening) throw new Error('a receiver was not told of the last message')
    }
    received += 1
  }
  await catchUp(audience)
  const run = async (samplesMs: number[]): Promise<void> => {
    const listeners = receivers.map(listen)
    await bench.parked(receivers.length)
    for (let sent = 1; sent <= burst; sent += 1) {
      const { sentMs, receivedMs } = await sender.send(roomId, sent === burst ? last : undefined)
      samplesMs.push(receivedMs - sentMs)
    }
    const giveUp = setTimeout(() => {
      listening = false
    }, POLL_TIMEOUT_MS)
    await Promise.all(listeners)
    clearTimeout(giveUp)
  }
  const extra = (): Record<string, number> => ({ receivers: received, answersToReceivers: polls })
  const title = `send while ${receivers.length} receivers listen`
  return await bench.measure({ name: 'burst', title, operations: burst, run, extra })
}
