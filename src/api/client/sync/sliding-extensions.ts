import * as z from 'zod'
import type { SlidingExtensions } from '../../../durable/sliding-protocol.ts'

/** Names in one list of a scope. */
const MAX_NAMES = 200
const names = z.array(z.string()).max(MAX_NAMES)
const enabled = { enabled: z.boolean().nullish() }
/** Config of an extension that speaks of rooms (MSC4508). */
export const scopedExtension = z.object({ ...enabled, lists: names.nullish(), rooms: names.nullish() }).nullish()
/** Config of an extension without fields of its own. */
export const plainExtension = z.object(enabled).nullish()
/** Config of the to_device extension, with what it may have as a limit. */
export const toDeviceExtension = (limit: z.ZodType<number>) =>
  z.object({ ...enabled, since: z.string().nullish(), limit: limit.nullish() }).nullish()
/** Config of thread subscriptions (MSC4308), by the name that they have until they are accepted. */
export const threadsField = {
  'io.element.msc4308.thread_subscriptions': z.object({ ...enabled, limit: z.int().min(1).nullish() }).nullish(),
}

/** Messages in a response where the client names no limit. */
const DEFAULT_TO_DEVICE_LIMIT = 100
/** The same for changes of thread subscriptions (MSC4308). */
const DEFAULT_THREAD_LIMIT = 100

type Scoped = z.output<typeof scopedExtension>

/** Configs of extensions, by whatever names the client gave them. */
export interface GivenExtensions {
  readonly toDevice: z.output<ReturnType<typeof toDeviceExtension>>
  readonly e2ee: z.output<typeof plainExtension>
  readonly accountData: Scoped
  readonly receipts: Scoped
  readonly typing: Scoped
  readonly threads: z.output<(typeof threadsField)['io.element.msc4308.thread_subscriptions']>
}

/** Absent: all. Where there are no wildcards (MSC4508), what looks like one names nothing. */
function namesOf(given: readonly string[] | null | undefined, hasWildcards: boolean): readonly string[] {
  if (given === null || given === undefined) return ['*']
  return hasWildcards ? given : given.filter((name) => name !== '*')
}

/** What is enabled of the extensions of a request; `hasWildcards`: in lists of names `*` stands for all. */
export function enabledExtensions(given: GivenExtensions, hasWildcards: boolean): SlidingExtensions {
  const { toDevice, threads } = given
  const scope = (extension: Scoped) =>
    extension?.enabled === true
      ? { lists: namesOf(extension.lists, hasWildcards), rooms: namesOf(extension.rooms, hasWildcards) }
      : undefined
  return {
    toDevice:
      toDevice?.enabled === true ? { since: toDevice.since ?? undefined, limit: toDevice.limit ?? DEFAULT_TO_DEVICE_LIMIT } : undefined,
    e2ee: given.e2ee?.enabled === true,
    accountData: scope(given.accountData),
    receipts: scope(given.receipts),
    typing: scope(given.typing),
    threadSubscriptions: threads?.enabled === true ? { limit: threads.limit ?? DEFAULT_THREAD_LIMIT } : undefined,
  }
}
