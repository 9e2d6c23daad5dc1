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
  const last = `last message of ${burst}`
  const heard = new Listeners(receivers, last)
  await catchUp(audience)
  const run = async (samplesMs: number[]): Promise<void> => {
    heard.start()
    await bench.parked(receivers.length)
    for (let sent = 1; sent <= burst; sent += 1) {
      const { sentMs, receivedMs } = await sender.send(roomId, sent === burst ? last : undefined)
      samplesMs.push(receivedMs - sentMs)
    }
    await heard.everybody()
  }
  const extra = (): Record<string, number> => ({ receivers: receivers.length, answersToReceivers: heard.answers })
  const title = `send while ${receivers.length} receivers listen`
  return await bench.measure({ name: 'burst', title, operations: burst, run, extra, after: () => heard.stop() })
}

/** Clients that poll again and again, as clients do, also while deferred work is waited for. */
class Listeners {
  /** Polls that were answered. */
  answers = 0
  readonly #receivers: readonly MatrixClient[]
  readonly #last: string
  readonly #loops: Promise<void>[] = []
  #heard: Promise<unknown> = Promise.resolve()
  #listening = true

  /** `last`: text of the message that everybody has to hear. */
  constructor(receivers: readonly MatrixClient[], last: string) {
    this.#receivers = receivers
    this.#last = last
  }

  start(): void {
    this.#heard = Promise.all(
      this.#receivers.map((receiver) => new Promise<void>((resolve, reject) => this.#loops.push(this.#listen(receiver, resolve, reject)))),
    )
  }

  /** Waits until everybody has heard the last message. */
  async everybody(): Promise<void> {
    await this.#heard
  }

  async stop(): Promise<void> {
    this.#listening = false
    await Promise.all(this.#loops)
  }

  async #listen(receiver: MatrixClient, heard: () => void, failed: (cause: unknown) => void): Promise<void> {
    try {
      while (this.#listening) {
        const { body } = await receiver.sync(POLL_TIMEOUT_MS)
        this.answers += 1
        if (body.includes(this.#last)) heard()
      }
    } catch (cause) {
      failed(cause)
    }
  }
}
