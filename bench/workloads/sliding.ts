import { type Bench, inLanes } from '../bench.ts'
import type { Answer } from '../client/connection.ts'
import type { MatrixClient } from '../client/matrix-client.ts'
import { type Costs, costsBetween } from '../measure/costs.ts'
import { summarize } from '../measure/percentiles.ts'
import { cpuMsOf } from '../measure/process-usage.ts'
import type { Workload } from '../workload.ts'
import type { WorkloadResult } from '../workload-result.ts'

/** Rooms created at once while preparing. */
const CREATED_AT_ONCE = 16
const WINDOW = 20
/** Accounts with more rooms than this are not asked for everything at once by any client that is in use. */
const MAX_CLASSIC_ROOMS = 1_000
const SLIDING_PATH = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'

/** What Element X asks for first: the rooms on the first screen, each with what its line in the list shows. */
const FIRST_REQUEST = {
  conn_id: 'room-list',
  lists: {
    all_rooms: {
      ranges: [[0, WINDOW - 1]],
      timeline_limit: 1,
      required_state: [
        ['m.room.name', ''],
        ['m.room.encryption', ''],
        ['m.room.member', '$LAZY'],
        ['m.room.member', '$ME'],
        ['m.room.topic', ''],
        ['m.room.avatar', ''],
        ['m.room.canonical_alias', ''],
        ['m.room.power_levels', ''],
        ['org.matrix.msc3401.call.member', '*'],
        ['m.room.join_rules', ''],
        ['m.room.tombstone', ''],
        ['m.room.create', ''],
        ['m.room.history_visibility', ''],
        ['io.element.functional_members', ''],
        ['m.space.parent', '*'],
        ['m.space.child', '*'],
      ],
    },
  },
  extensions: { account_data: { enabled: true }, receipts: { enabled: true, rooms: ['*'] }, typing: { enabled: true } },
}

/** An account in many rooms, and somebody else in the one where something happens. */
interface Account {
  readonly rooms: number
  readonly reader: MatrixClient
  readonly writer: MatrixClient
  readonly sharedRoomId: string
  pos: string | undefined
}

async function slide({ reader, pos }: Account): Promise<Answer & { readonly pos: string; readonly rooms: number }> {
  const path = `${SLIDING_PATH}?timeout=0${pos === undefined ? '' : `&pos=${encodeURIComponent(pos)}`}`
  const answer = await reader.request({ method: 'POST', path, body: JSON.stringify(FIRST_REQUEST) })
  const parsed: { readonly pos: string; readonly rooms: object } = JSON.parse(answer.body.toString('utf8'))
  return { ...answer, pos: parsed.pos, rooms: Object.keys(parsed.rooms).length }
}

async function accountIn(bench: Bench, rooms: number): Promise<Account> {
  const reader = await bench.user(`in${rooms}rooms`)
  const writer = await bench.user('writer')
  let left = rooms - 1
  await Promise.all(
    Array.from({ length: CREATED_AT_ONCE }, async () => {
      const own = reader.onNewConnection()
      for (; left > 0; ) {
        left -= 1
        await own.createRoom({ preset: 'private_chat', name: `Room ${left}`, topic: 'One of many' })
      }
      own.close()
    }),
  )
  const sharedRoomId = await reader.createRoom({ preset: 'public_chat', name: 'Shared' })
  await writer.join(sharedRoomId)
  const account = { rooms, reader, writer, sharedRoomId, pos: undefined }
  await slide(account)
  return account
}

/** What is the same whatever the account: nothing below may grow with the number of its rooms. */
async function measureWarm(bench: Bench, account: Account): Promise<WorkloadResult[]> {
  const { rooms, reader, writer } = account
  const { syncs } = bench.scale
  const timed = async (samplesMs: number[], expected: number): Promise<void> => {
    const answer = await slide(account)
    samplesMs.push(answer.receivedMs - answer.sentMs)
    if (answer.rooms !== expected) throw new Error(`${answer.rooms} rooms where ${expected} were expected`)
    account.pos = answer.pos
  }
  const first = await bench.measure({
    name: `sliding-first-${rooms}`,
    title: `first sliding response of ${WINDOW} rooms, account in ${rooms}`,
    operations: syncs,
    run: (samplesMs) =>
      inLanes([reader], syncs, async () => {
        account.pos = undefined
        await timed(samplesMs, WINDOW)
      }),
  })
  // What the client has been sent is known once it has shown so.
  account.pos = (await slide(account)).pos
  const nothing = await bench.measure({
    name: `sliding-nothing-${rooms}`,
    title: `sliding, nothing new, account in ${rooms}`,
    operations: syncs,
    run: (samplesMs) => inLanes([reader], syncs, () => timed(samplesMs, 0)),
  })
  const one = await bench.measure({
    name: `sliding-one-${rooms}`,
    title: `sliding, one event (its send not timed), account in ${rooms}`,
    operations: syncs,
    run: (samplesMs) =>
      inLanes([reader], syncs, async () => {
        await writer.send(account.sharedRoomId)
        await timed(samplesMs, 1)
      }),
    extra: () => ({ sends: syncs }),
  })
  return [first, nothing, one, ...(await measureClassic(bench, account))]
}

async function classic({ reader }: Account): Promise<Answer> {
  reader.since = undefined
  return await reader.sync(0)
}

async function measureClassic(bench: Bench, account: Account): Promise<WorkloadResult[]> {
  if (account.rooms > MAX_CLASSIC_ROOMS) return []
  const operations = Math.ceil(bench.scale.initialSyncs / 4)
  let bytes = 0
  const result = await bench.measure({
    name: `sliding-classic-${account.rooms}`,
    title: `initial classic sync, account in ${account.rooms}`,
    operations,
    run: (samplesMs) =>
      inLanes([account.reader], operations, async () => {
        const { sentMs, receivedMs, body } = await classic(account)
        samplesMs.push(receivedMs - sentMs)
        bytes = body.length
      }),
    extra: () => ({ responseKib: bytes / 1024 }),
  })
  return [result]
}

/** One kind of request to accounts that nobody has woken since the server began. */
async function measureCold(
  bench: Bench,
  accounts: readonly Account[],
  warmer: Account,
  kind: { readonly name: string; readonly title: string; readonly ask: (account: Account) => Promise<Answer> },
): Promise<WorkloadResult[]> {
  const found = accounts.map((account) => ({ account, samplesMs: [] as number[], cpuMs: 0, costs: {} as Record<string, number> }))
  for (let run = 0; run < bench.scale.coldRuns; run += 1) {
    await bench.server.restart()
    for (const { reader, writer } of [...accounts, warmer]) {
      reader.reconnect()
      writer.reconnect()
    }
    // The code is compiled as it is used: somebody else comes first.
    for (let times = 0; times < 3; times += 1) await kind.ask(warmer)
    const pid = await bench.server.workerdPid()
    for (const one of found) {
      const { account, samplesMs, costs } = one
      const before: Costs = (await bench.metrics()).costs
      const cpuBefore = await cpuMsOf(pid)
      const { sentMs, receivedMs } = await kind.ask(account)
      samplesMs.push(receivedMs - sentMs)
      one.cpuMs += (await cpuMsOf(pid)) - cpuBefore
      const spent = costsBetween(before, (await bench.metrics()).costs)
      for (const [cost, count] of Object.entries(spent)) costs[cost] = (costs[cost] ?? 0) + count
    }
  }
  return found.map(({ account, samplesMs, cpuMs, costs }) => {
    const wallMs = samplesMs.reduce((sum, sample) => sum + sample, 0)
    const operations = samplesMs.length
    return {
      ...{ name: `${kind.name}-${account.rooms}`, title: `${kind.title}, account in ${account.rooms}` },
      ...{ operations, countedOperations: operations, wallMs, perSecond: (operations * 1000) / wallMs },
      ...{ latencyMs: summarize(samplesMs), cpuMs: cpuMs / operations, deferredCpuMs: 0, clientCpuMs: 0, costs },
      extra: { objectsWoken: (costs.construct ?? 0) / operations },
    }
  })
}

/** Sliding sync of accounts in few and many rooms: what it takes must not grow with their number. */
export const sliding: Workload = {
  name: 'sliding',
  title: 'sliding sync of accounts in few and many rooms',
  prepare: async (bench) => {
    const warmer = await accountIn(bench, WINDOW)
    const accounts: Account[] = []
    for (const rooms of bench.scale.slidingRooms) accounts.push(await accountIn(bench, rooms))
    return async () => {
      const results: WorkloadResult[] = []
      for (const account of accounts) results.push(...(await measureWarm(bench, account)))
      const first = {
        name: 'sliding-first-cold',
        title: `first sliding response of ${WINDOW} rooms, every object evicted`,
        ask: (account: Account) => slide({ ...account, pos: undefined }),
      }
      results.push(...(await measureCold(bench, accounts, warmer, first)))
      const small = accounts.filter(({ rooms }) => rooms <= MAX_CLASSIC_ROOMS)
      const initial = { name: 'sliding-classic-cold', title: 'initial classic sync, every object evicted', ask: classic }
      results.push(...(await measureCold(bench, small, warmer, initial)))
      return results
    }
  },
}
