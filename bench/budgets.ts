import { BATCH_EVENTS, MAX_PART_BYTES } from '../src/state-resolution/index.ts'
import type { WorkloadResult } from './workload-result.ts'

/*
 * What the paths of docs/design may cost, as counts until deferred work is over. Counts do not depend on the machine, so they gate CI;
 * milliseconds never do.
 */

/** One count of one workload against its limit. */
export interface BudgetCheck {
  readonly workload: string
  readonly what: string
  readonly limit: number
  readonly measured: number
  readonly ok: boolean
}

interface Budget {
  readonly workload: string
  readonly what: string
  readonly measured: (result: WorkloadResult) => number
  readonly limit: number | ((result: WorkloadResult) => number)
}

function each(kind: string): (result: WorkloadResult) => number {
  return (result) => (result.costs[kind] ?? 0) / result.countedOperations
}

function total(kind: string): (result: WorkloadResult) => number {
  return (result) => result.costs[kind] ?? 0
}

/** Questions to objects and polls that wait in one. */
function hops(result: WorkloadResult): number {
  return ((result.costs.rpc ?? 0) + (result.costs.park ?? 0)) / result.countedOperations
}

/** Commits beyond one for each operation: what hints, settling and flushing added. */
function deferredCommits(result: WorkloadResult): number {
  return (result.costs.commit ?? 0) - result.countedOperations
}

/** Registry statements for each event: at most one batched statement per 100 events, and one for what is left over in each room. */
function registryLimit(rooms: (result: WorkloadResult) => number): (result: WorkloadResult) => number {
  return (result) => Math.ceil(result.countedOperations / 100) + rooms(result)
}

function extra(what: string): (result: WorkloadResult) => number {
  return (result) => result.extra[what] ?? Number.NaN
}

/** A slice of 500 events, and the batch that is being read when those are spent. */
const MAX_SLICE_READS = 500 + BATCH_EVENTS * 11

/** Sliding sync asks the account and the rooms of the window, in however many rooms the account is. */
const SLIDING_WINDOW = 20
const SLIDING_ACCOUNTS = [30, 120, 200, 1_000, 5_000]

function slidingBudgets(rooms: number): Budget[] {
  return [
    { workload: `sliding-first-${rooms}`, what: 'hops of a first sliding response', measured: hops, limit: SLIDING_WINDOW + 1 },
    {
      workload: `sliding-first-cold-${rooms}`,
      what: 'objects woken by a first sliding response',
      measured: each('construct'),
      limit: SLIDING_WINDOW + 1,
    },
    { workload: `sliding-nothing-${rooms}`, what: 'hops of sliding sync with nothing new', measured: hops, limit: 1 },
    // What the client has was written once, however often it asks.
    { workload: `sliding-nothing-${rooms}`, what: 'commits (all requests together)', measured: total('commit'), limit: 1 },
    { workload: `sliding-nothing-${rooms}`, what: 'registry statements', measured: total('d1'), limit: 0 },
    // The send asks the account and the room, the sync the same. Whoever sends without looking is not rung but settled once, and then asks for their marks.
    {
      workload: `sliding-one-${rooms}`,
      what: 'RPCs besides four for each send and its sliding sync (all together)',
      measured: (result) => (result.costs.rpc ?? 0) - 4 * result.countedOperations,
      limit: 1,
    },
    { workload: `sliding-classic-${rooms}`, what: 'hops of an initial classic sync', measured: hops, limit: rooms + 2 },
    {
      workload: `sliding-classic-cold-${rooms}`,
      what: 'hops of an initial classic sync after evictions',
      measured: hops,
      limit: rooms + 2,
    },
  ]
}

const oneRoom = (): number => 1
const BUDGETS: readonly Budget[] = [
  { workload: 'send-1', what: 'RPCs of a send', measured: each('rpc'), limit: 2 },
  // The sender's own account hears of the room too: one flush, whatever the number of messages.
  { workload: 'send-1', what: 'commits besides the messages (all sends together)', measured: deferredCommits, limit: 1 },
  { workload: 'send-1', what: 'registry statements (all sends together)', measured: total('d1'), limit: registryLimit(oneRoom) },
  { workload: 'send-16', what: 'RPCs of a send', measured: each('rpc'), limit: 2 },
  { workload: 'send-16', what: 'commits of a send', measured: each('commit'), limit: 0.25 },
  { workload: 'send-16', what: 'registry statements (all sends together)', measured: total('d1'), limit: registryLimit(oneRoom) },
  { workload: 'send-rooms', what: 'RPCs of a send', measured: each('rpc'), limit: 2 },
  { workload: 'deliver-1', what: 'registry statements for a delivery', measured: each('d1'), limit: 0.05 },
  { workload: 'deliver-many', what: 'registry statements for a delivery', measured: each('d1'), limit: 0.05 },
  {
    workload: 'burst',
    what: 'commits besides the messages (whole burst)',
    measured: deferredCommits,
    // Every receiver and the sender flush once.
    limit: ({ extra }) => (extra.receivers ?? 0) + 1,
  },
  { workload: 'burst', what: 'registry statements (whole burst)', measured: total('d1'), limit: registryLimit(oneRoom) },
  {
    workload: 'fan-out',
    what: 'commits until one message has reached everybody who waits',
    measured: extra('commitsUntilDelivered'),
    limit: 1,
  },
  { workload: 'fan-out-push', what: 'commits until one message has reached everybody', measured: extra('commitsUntilDelivered'), limit: 1 },
  // Those who wait, the sender, and everybody once for the burst: not everybody for every message.
  { workload: 'fan-out-push', what: 'hints for each message', measured: each('hint'), limit: ({ extra }) => (extra.waiting ?? 0) + 20 },
  // All say the same here, so they share requests; what the members' counts differ by, requests differ by.
  { workload: 'fan-out-push', what: 'requests to the gateway for each message', measured: each('fetch'), limit: 20 },
  {
    workload: 'large-room',
    what: 'hints (S7: 20 a second for each user who polls)',
    measured: total('hint'),
    limit: ({ extra: { polling = 0, seconds = 0 } }) => polling * 20 * seconds,
  },
  { workload: 'sync-nothing', what: 'hops of a sync with nothing new', measured: hops, limit: 1 },
  { workload: 'sync-nothing', what: 'commits', measured: total('commit'), limit: 0 },
  { workload: 'sync-nothing', what: 'registry statements', measured: total('d1'), limit: 0 },
  { workload: 'sync-parked', what: 'hops of a poll that waits', measured: hops, limit: 2 },
  { workload: 'sync-parked', what: 'commits', measured: total('commit'), limit: 0 },
  { workload: 'sync-parked', what: 'registry statements', measured: total('d1'), limit: 0 },
  {
    workload: 'resolve-11',
    what: 'bytes of the largest part of a stored cursor',
    measured: extra('largestPartBytes'),
    limit: MAX_PART_BYTES,
  },
  { workload: 'resolve-11', what: 'events read in one slice', measured: extra('mostReads'), limit: MAX_SLICE_READS },
  {
    workload: 'resolve-12',
    what: 'bytes of the largest part of a stored cursor',
    measured: extra('largestPartBytes'),
    limit: MAX_PART_BYTES,
  },
  { workload: 'resolve-12', what: 'events read in one slice', measured: extra('mostReads'), limit: MAX_SLICE_READS },
  // A transaction of 50: taken on, taken in by its room, remembered; where it comes from is heard of.
  { workload: 'receive', what: 'RPCs of a received PDU', measured: each('rpc'), limit: 0.1 },
  { workload: 'receive', what: 'commits of a received PDU', measured: each('commit'), limit: 0.05 },
  { workload: 'receive', what: 'registry statements (all PDUs together)', measured: total('d1'), limit: registryLimit(oneRoom) },
  { workload: 'receive-many', what: 'commits of a received PDU', measured: each('commit'), limit: 0.05 },
  { workload: 'deliver-remote', what: 'RPCs of a message to another server', measured: each('rpc'), limit: 5 },
  // The message, the news of it, its transaction, the acknowledgement.
  { workload: 'deliver-remote', what: 'commits of a message to another server', measured: each('commit'), limit: 4.2 },
  { workload: 'create-invite-join', what: 'commits of create + invite + join', measured: each('commit'), limit: 7 },
  ...SLIDING_ACCOUNTS.flatMap(slidingBudgets),
]

/** Compares results with the budgets; a budgeted workload that was not run is not compared. */
export function checkBudgets(results: readonly WorkloadResult[]): BudgetCheck[] {
  return BUDGETS.flatMap(({ workload, what, measured, limit }) => {
    const result = results.find(({ name }) => name === workload)
    if (result === undefined) return []
    const allowed = typeof limit === 'number' ? limit : limit(result)
    const found = measured(result)
    return [{ workload, what, limit: allowed, measured: found, ok: found <= allowed }]
  })
}
