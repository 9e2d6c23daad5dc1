/**
 * Verifies the events of test/vectors/synapse-server, here and in workerd, whose cryptography is another. Prints what that took as JSON.
 *
 *   node bench/protocol/verify.ts [rounds]
 */
import { readdirSync } from 'node:fs'
import { readServedRooms } from '../../test/support/synapse-server-rooms.ts'
import { cpuMsOf } from '../measure/process-usage.ts'
import { threadCpuMs } from './thread-cpu.ts'
import { type ReceivedEvents, verifyEvents } from './verify-events.ts'
import { startWorkerd } from './workerd.ts'

const FOLDER = new URL('../../test/vectors/synapse-server/', import.meta.url)

/** What verifying so many events took. */
export interface VerifyReport {
  readonly events: number
  readonly cpuMs: number
  readonly wallMs: number
}

function receivedEvents(): ReceivedEvents[] {
  return readdirSync(FOLDER).flatMap((name) => {
    const { rooms, keys } = readServedRooms(new URL(name, FOLDER))
    return rooms.map(({ rules, events }) => ({ version: rules.version, keys, texts: events.map(({ pdu }) => JSON.stringify(pdu)) }))
  })
}

async function measure(cpuMs: () => number | Promise<number>, run: () => number | Promise<number>): Promise<VerifyReport> {
  const [cpu, wall] = [await cpuMs(), performance.now()]
  const events = await run()
  return { events, cpuMs: (await cpuMs()) - cpu, wallMs: performance.now() - wall }
}

async function here(received: readonly ReceivedEvents[], rounds: number): Promise<VerifyReport> {
  const run = (times: number): number => {
    let events = 0
    for (let round = 0; round < times; round += 1) for (const some of received) events += verifyEvents(some)
    return events
  }
  run(1)
  return measure(threadCpuMs, () => run(rounds))
}

async function inWorkerd(received: readonly ReceivedEvents[], rounds: number): Promise<VerifyReport> {
  const workerd = await startWorkerd(new URL('verify-worker.ts', import.meta.url))
  try {
    const run = async (times: number, init?: RequestInit): Promise<number> => {
      const answer = await fetch(`${workerd.url}/?rounds=${times}`, { method: 'POST', ...init })
      return Number(((await answer.json()) as { events: number }).events)
    }
    await run(1, { method: 'PUT', body: JSON.stringify(received) })
    return await measure(
      () => cpuMsOf(workerd.pid),
      () => run(rounds),
    )
  } finally {
    await workerd.stop()
  }
}

const rounds = Number(process.argv[2] ?? 10)
const received = receivedEvents()
process.stdout.write(`${JSON.stringify({ node: await here(received, rounds), workerd: await inWorkerd(received, rounds) })}\n`)
