import type { WitnessedUser } from '../../durable/remote-server/devices/device-lists.ts'
import { type FetchedKeys, queryUsers } from '../../durable/remote-server/devices/key-fetch.ts'
import { NO_KEYS, type PublishedKeys } from '../../durable/user/e2ee/query-keys.ts'
import { outboundOf } from '../../federation/outbound/outbound.ts'
import { OutboundError } from '../../federation/outbound/outbound-error.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { inParallel } from './in-parallel.ts'
import type { UsersByPlace } from './local-users.ts'

/** Servers asked at once for one request. */
export const PARALLEL_SERVERS = 32
/** Servers asked for one request; further ones count as unreachable. */
export const MAX_SERVERS = 500
/** What the object of another server may take longer than the server itself, in milliseconds. */
const GRACE_MS = 5_000

/** What could be had of users of other servers. */
export interface RemoteKeys {
  readonly keys: ReadonlyMap<string, PublishedKeys>
  /** Servers that could not be asked about some of their users. */
  readonly failed: readonly string[]
}

/**
 * The keys of users of other servers. Of users whom the requester shares a room with, lists are kept by the server's object and as good as the server's
 * own; of others the server is asked each time (an object is made only for servers that have to do with this one).
 * @param wanted devices by user; an empty list: all.
 */
export async function remoteKeys(
  ctx: RequestContext,
  remote: UsersByPlace['remote'],
  wanted: ReadonlyMap<string, readonly string[]>,
  timeoutMs: number,
): Promise<RemoteKeys> {
  if (remote.size === 0) return { keys: new Map(), failed: [] }
  const known = unwrap(await ctx.session.acquaintances([...remote.values()].flat()))
  const witnesses = new Map(known.flatMap(({ userId, witness }) => (witness === undefined ? [] : [[userId, witness] as const])))
  const servers = [...remote].slice(0, MAX_SERVERS)
  const answers = await inParallel(PARALLEL_SERVERS, servers, async ([serverName, userIds]) => {
    const witnessed: WitnessedUser[] = []
    const strangers: string[] = []
    for (const userId of userIds) {
      const witness = witnesses.get(userId)
      if (witness === undefined) strangers.push(userId)
      else witnessed.push({ userId, witness })
    }
    const found = await Promise.all([listsOf(ctx, serverName, witnessed, timeoutMs), asked(ctx, serverName, strangers, wanted, timeoutMs)])
    return found.flat()
  })
  const keys = new Map<string, PublishedKeys>()
  for (const [userId, found] of answers.flat()) keys.set(userId, onlyDevices(found, wanted.get(userId) ?? []))
  const failed = [...remote].flatMap(([serverName, userIds]) => (userIds.every((userId) => keys.has(userId)) ? [] : [serverName]))
  return { keys, failed }
}

async function listsOf(
  ctx: RequestContext,
  serverName: string,
  users: readonly WitnessedUser[],
  timeoutMs: number,
): Promise<readonly (readonly [string, PublishedKeys])[]> {
  if (users.length === 0) return []
  const request = { reader: ctx.claimedUserId ?? '', users, timeoutMs }
  try {
    const answer = ctx.objects.remoteServer(serverName).deviceLists(request)
    return (await withDeadline(answer, timeoutMs + GRACE_MS))?.keys ?? []
  } catch (cause) {
    log.warn('the object of another server did not answer', cause)
    return []
  }
}

async function asked(
  ctx: RequestContext,
  serverName: string,
  userIds: readonly string[],
  wanted: ReadonlyMap<string, readonly string[]>,
  timeoutMs: number,
): Promise<readonly (readonly [string, PublishedKeys])[]> {
  if (userIds.length === 0) return []
  const { client } = outboundOf(ctx.env)
  try {
    const devices = new Map(userIds.map((userId) => [userId, wanted.get(userId) ?? []]))
    const found = await queryUsers({ ask: (request) => client.json(serverName, request, 'any') }, devices, timeoutMs)
    return [...found].map(([userId, keys]): [string, PublishedKeys] => [userId, published(keys)])
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause
    log.debug(`${serverName} was not asked for keys: ${cause.message}`)
    return []
  }
}

function published({ devices, master, selfSigning }: FetchedKeys): PublishedKeys {
  return { ...NO_KEYS, devices: devices.map(({ deviceId, keys }): [string, string] => [deviceId, keys]), master, selfSigning }
}

function onlyDevices(keys: PublishedKeys, deviceIds: readonly string[]): PublishedKeys {
  return deviceIds.length === 0 ? keys : { ...keys, devices: keys.devices.filter(([deviceId]) => deviceIds.includes(deviceId)) }
}

async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}
