import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import type { MatrixClient } from '../client/matrix-client.ts'
import { BenchGateway } from '../client/push-gateway.ts'
import type { Workload } from '../workload.ts'
import type { WorkloadResult } from '../workload-result.ts'

const POLL_TIMEOUT_MS = 25_000
const NOTIFIED_POLL_MS = 5
const NOTIFIED_TIMEOUT_MS = 30_000

interface Crowd {
  readonly sender: MatrixClient
  /** Members who wait for news, and all members but the sender. */
  readonly waiting: readonly MatrixClient[]
  readonly members: readonly MatrixClient[]
  readonly roomId: string
}

/** One message to many joined users of whom some wait; then the same when all of them have pushers. */
export const fanOut: Workload = {
  name: 'fan-out',
  title: 'one message to a room of many, some of them waiting',
  prepare: async (bench) => {
    const { fanOutMembers, fanOutWaiting } = bench.scale
    const sender = await bench.user('speaker')
    const members = await bench.users('member', fanOutMembers - 1)
    const roomId = await bench.roomOf(sender, members, 'Crowd')
    const waiting = members.slice(0, fanOutWaiting)
    for (const member of waiting) await member.sync(0)
    const crowd = { sender, waiting, members, roomId }
    return async () => {
      const plain = await measure(bench, crowd, 'fan-out', undefined)
      const gateway = await BenchGateway.start(bench.tls)
      try {
        for (const member of members) await member.post('/pushers/set', pusherOf(gateway, member))
        await bench.settle()
        return [plain, await measure(bench, crowd, 'fan-out-push', gateway)]
      } finally {
        await gateway.close()
      }
    }
  },
}

function pusherOf(gateway: BenchGateway, member: MatrixClient) {
  return {
    kind: 'http',
    app_id: 'org.example.bench',
    pushkey: member.userId,
    app_display_name: 'bench',
    device_display_name: 'bench',
    lang: 'en',
    data: { url: gateway.url, format: 'event_id_only' },
  }
}

async function measure(bench: Bench, crowd: Crowd, name: string, gateway: BenchGateway | undefined): Promise<WorkloadResult> {
  const { deliveries } = bench.scale
  let pathCommits = 0
  let notifiedMs = 0
  const deliver = async (): Promise<number> => {
    const polls = crowd.waiting.map((client) => client.sync(POLL_TIMEOUT_MS))
    await bench.parked(polls.length)
    const { sentMs, body } = await crowd.sender.send(crowd.roomId)
    const answers = await Promise.all(polls)
    if (gateway !== undefined) notifiedMs += (await notified(gateway, crowd, body.toString('utf8'))) - sentMs
    return Math.max(...answers.map(({ receivedMs }) => receivedMs)) - sentMs
  }
  // Everybody is at the room's end, and nothing is left to do: what one message commits before it has arrived is its own.
  const warm = async (): Promise<void> => {
    await Promise.all(crowd.waiting.map((client) => client.sync(0)))
    const before = (await bench.metrics()).costs.commit ?? 0
    await deliver()
    pathCommits = ((await bench.metrics()).costs.commit ?? 0) - before
    notifiedMs = 0
  }
  const title = `one message to ${crowd.members.length} joined users, ${crowd.waiting.length} waiting${gateway !== undefined ? ', all with pushers' : ''}`
  return await bench.measure({
    name,
    title,
    operations: deliveries,
    warmUp: { operations: 1, run: warm },
    run: async (samplesMs) => {
      for (let done = 0; done < deliveries; done += 1) samplesMs.push(await deliver())
    },
    extra: () => ({
      members: crowd.members.length,
      waiting: crowd.waiting.length,
      commitsUntilDelivered: pathCommits,
      ...(gateway !== undefined
        ? {
            notifiedMs: notifiedMs / deliveries,
            devicesNotified: gateway.devices,
            gatewayRequests: gateway.requests,
          }
        : {}),
    }),
  })
}

/** When the gateway had been told for everybody. */
async function notified(gateway: BenchGateway, { members }: Crowd, answer: string): Promise<number> {
  const { event_id: eventId } = JSON.parse(answer) as { event_id: string }
  for (let waitedMs = 0; waitedMs < NOTIFIED_TIMEOUT_MS; waitedMs += NOTIFIED_POLL_MS) {
    if (gateway.devicesOf(eventId) >= members.length) return performance.now()
    await delay(NOTIFIED_POLL_MS)
  }
  throw new Error(`only ${gateway.devicesOf(eventId)} of ${members.length} pushers were told`)
}
