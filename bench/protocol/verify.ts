/**
 * Verifies the events of test/vectors/synapse-server, here and in workerd, whose cryptography is another. Prints what that took as JSON.
 *
 *   node bench/protocol/verify.ts [rounds]
 */
import { readdirSync } from 'node:fs'
import { parseStrictJson } from '../../src/matrix/strict-json.ts'
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

/** What reading so many events took. */
export interface ParseReport {
  readonly events: number
  readonly nativeCpuMs: number
  readonly strictCpuMs: number
}

/** What this program prints. */
export interface VerifyReports {
  readonly parse: ParseReport
  readonly node: VerifyReport
  readonly workerd: VerifyReport
}

/** How many times as often texts are read than events verified: it is that much faster. */
const PARSE_ROUNDS = 10

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

/** How long reading the texts takes, strictly and by the parser of the platform. */
async function parsing(received: readonly ReceivedEvents[], rounds: number): Promise<ParseReport> {
  const texts = received.flatMap(({ texts: some }) => some)
  const cpuMsOfReading = async (read: (text: string) => unknown): Promise<number> => {
    const run = (times: number): number => {
      for (let round = 0; round < times; round += 1) for (const text of texts) read(text)
      return texts.length * times
    }
    run(1)
    return (await measure(threadCpuMs, () => run(rounds))).cpuMs
  }
  const nativeCpuMs = await cpuMsOfReading(JSON.parse)
  return { events: texts.length * rounds, nativeCpuMs, strictCpuMs: await cpuMsOfReading((text) => parseStrictJson(text)) }
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
const reports: VerifyReports = {
  parse: await parsing(received, rounds * PARSE_ROUNDS),
  node: await here(received, rounds),
  workerd: await inWorkerd(received, rounds),
}
process.stdout.write(`${JSON.stringify(reports)}\n`)
