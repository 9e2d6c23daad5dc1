import type { SlidingPlan, SlidingPlannedRoom, SlidingRequest } from '../sliding-protocol.ts'
import { type AccountDataScope, accountDataNews } from './sliding-account-data.ts'
import { deviceNews, threadNews, toDeviceNews } from './sliding-extensions.ts'
import { memberSeqOf } from './sliding-moved.ts'
import type { UserCore } from './user-core.ts'

/** What a response tells besides rooms. */
export interface OwnNews extends Pick<SlidingPlan, 'accountData' | 'roomAccountData' | 'toDevice' | 'e2ee' | 'threadSubscriptions'> {
  readonly hasNews: boolean
  /** Rooms of which the client then has all account data. */
  readonly accountDataTold: readonly string[]
  readonly accountDataPosition: number
  readonly deviceListsPosition: number
  /** Up to where in the feed the client then knows who came and went. */
  readonly memberSeq: number
  readonly threadsPosition: number | undefined
}

/** What a response tells besides rooms, of which it shows these. `seq`: what the position `since` means in this life of the object. */
export function ownNews(
  core: UserCore,
  deviceId: string,
  { extensions }: SlidingRequest,
  planning: AccountDataScope & { readonly seq: number },
  rooms: readonly SlidingPlannedRoom[],
): OwnNews {
  const { since, seq } = planning
  const accountData = accountDataNews(core, planning, rooms)
  const toDevice = extensions.toDevice === undefined ? undefined : toDeviceNews(core, deviceId, extensions.toDevice)
  const devices = extensions.e2ee ? deviceNews(core, deviceId, since, seq, rooms) : undefined
  const threads = threadNews(core, since, extensions.threadSubscriptions)
  const hasData = accountData?.global !== undefined || (accountData?.rooms.length ?? 0) > 0 || threads?.json !== undefined
  const moved = devices === undefined ? 0 : devices.e2ee.devicesChanged.length + devices.e2ee.moved.length
  return {
    accountData: accountData?.global,
    roomAccountData: accountData?.rooms ?? [],
    toDevice,
    e2ee: devices?.e2ee,
    threadSubscriptions: threads?.json,
    hasNews: hasData || toDevice?.events !== undefined || moved > 0,
    accountDataTold: accountData?.told ?? [],
    accountDataPosition: accountData?.upTo ?? since?.sync.accountData ?? core.feedKeeper.ownData.accountDataId(core),
    deviceListsPosition: devices?.position ?? since?.sync.deviceLists ?? core.e2ee.inbox.head,
    memberSeq: devices?.memberSeq ?? (since === undefined ? core.feedKeeper.feed.seq : memberSeqOf(since, seq)),
    threadsPosition: threads?.position ?? since?.threads,
  }
}
