import { parseArgs } from 'node:util'

/** How much is measured. */
export interface Scale {
  readonly name: 'full' | 'quick'
  /** How long deferred work is waited for after the last answer of a workload, before its costs are read. */
  readonly settleMs: number
  /** Requests per workload before measuring. */
  readonly warmUp: number
  readonly sendsAlone: number
  readonly sendsShared: number
  /** Rooms written to at once, each by its own sender. */
  readonly rooms: number
  readonly sendsOverRooms: number
  readonly deliveries: number
  readonly receivers: number
  readonly burst: number
  /** Users in the room of one message to many, and how many of them wait for it. */
  readonly fanOutMembers: number
  readonly fanOutWaiting: number
  /** Users in the large room. */
  readonly largeRoomMembers: number
  readonly syncRooms: number
  readonly syncs: number
  readonly initialSyncs: number
  /** Rooms of the accounts that sync slidingly, one account each. */
  readonly slidingRooms: readonly number[]
  /** Restarts after which the first request is timed. */
  readonly coldRuns: number
  readonly creations: number
  readonly pages: number
  readonly liveRooms: number
  /** Transactions of other servers, 50 PDUs each. */
  readonly receivedTransactions: number
}

/** The scale of the published numbers: costs are counted until a minute after the last answer. */
const FULL: Scale = {
  name: 'full',
  settleMs: 60_000,
  warmUp: 200,
  sendsAlone: 1000,
  sendsShared: 6400,
  rooms: 50,
  sendsOverRooms: 5000,
  deliveries: 100,
  receivers: 50,
  burst: 1000,
  fanOutMembers: 500,
  fanOutWaiting: 50,
  largeRoomMembers: 5000,
  syncRooms: 200,
  syncs: 500,
  initialSyncs: 20,
  slidingRooms: [200, 1_000, 5_000],
  coldRuns: 5,
  creations: 100,
  pages: 200,
  liveRooms: 600,
  receivedTransactions: 100,
}

/** For CI: enough for exact counts; its times say little. Longer than users (10 s) and rooms (25 s) wait before they flush. */
const QUICK: Scale = {
  name: 'quick',
  settleMs: 36_000,
  warmUp: 20,
  sendsAlone: 100,
  sendsShared: 640,
  rooms: 10,
  sendsOverRooms: 200,
  deliveries: 10,
  receivers: 10,
  burst: 200,
  fanOutMembers: 60,
  fanOutWaiting: 10,
  largeRoomMembers: 100,
  syncRooms: 20,
  syncs: 50,
  initialSyncs: 3,
  slidingRooms: [30, 120],
  coldRuns: 1,
  creations: 10,
  pages: 20,
  liveRooms: 0,
  receivedTransactions: 12,
}

/** What the command line asks for. */
export interface BenchOptions {
  readonly scale: Scale
  /** Names of the workloads to run; empty: all. */
  readonly only: readonly string[]
  /** Folder for the server's data, on the disk to be measured; removed afterwards. */
  readonly dir: string | undefined
  /** Worker to measure instead of the bundled sources, for comparisons. */
  readonly bundle: string | undefined
  /** File for workerd's CPU profile of each workload (`<file>-<workload>.cpuprofile`). */
  readonly profile: string | undefined
  /** File name (without ending) of the results. */
  readonly out: string | undefined
}

/** Reads `npm run bench -- [--quick] [--only a,b] [--settle-ms n] [--sliding-rooms n,m] [--dir folder] [--bundle file] [--profile prefix] [--out file]`. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      'settle-ms': { type: 'string' },
      'sliding-rooms': { type: 'string' },
      dir: { type: 'string' },
      bundle: { type: 'string' },
      profile: { type: 'string' },
      out: { type: 'string' },
    },
  })
  const scale = values.quick ? QUICK : FULL
  const settleMs = values['settle-ms'] === undefined ? scale.settleMs : Number(values['settle-ms'])
  if (!Number.isInteger(settleMs) || settleMs < 0) throw new Error('--settle-ms must be a whole number of milliseconds')
  return {
    scale: { ...scale, settleMs, slidingRooms: values['sliding-rooms']?.split(',').map(Number) ?? scale.slidingRooms },
    only: values.only?.split(',') ?? [],
    dir: values.dir,
    bundle: values.bundle,
    profile: values.profile,
    out: values.out,
  }
}
