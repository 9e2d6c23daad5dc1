import * as z from 'zod'
import type { SlidingExtensions } from '../../../durable/sliding-protocol.ts'

/** Names in one list of a scope. */
const MAX_NAMES = 200
const names = z.array(z.string()).max(MAX_NAMES)
const scoped = z.object({ enabled: z.boolean().nullish(), lists: names.nullish(), rooms: names.nullish() }).nullish()

/** Extensions under their names; where typing is depends on the form. */
export const extensionFields = {
  to_device: z.object({ enabled: z.boolean().nullish(), since: z.string().nullish(), limit: z.int().nullish() }).nullish(),
  e2ee: z.object({ enabled: z.boolean().nullish() }).nullish(),
  account_data: scoped,
  receipts: scoped,
  typing: scoped,
  'io.element.msc4308.thread_subscriptions': z.object({ enabled: z.boolean().nullish(), limit: z.int().min(1).nullish() }).nullish(),
}

const extensionsSchema = z.object(extensionFields)

/** Messages in a response where the client names no limit. */
const DEFAULT_TO_DEVICE_LIMIT = 100
/** The same for changes of thread subscriptions (MSC4308). */
const DEFAULT_THREAD_LIMIT = 100

/** Absent: all. Where there are no wildcards (MSC4508), what looks like one names nothing. */
function namesOf(given: readonly string[] | null | undefined, hasWildcards: boolean): readonly string[] {
  if (given === null || given === undefined) return ['*']
  return hasWildcards ? given : given.filter((name) => name !== '*')
}

/** What is enabled of the extensions of a request; `hasWildcards`: in lists of names `*` stands for all. */
export function enabledExtensions(given: z.output<typeof extensionsSchema>, hasWildcards = true): SlidingExtensions {
  const { to_device: toDevice, receipts, typing, 'io.element.msc4308.thread_subscriptions': threads } = given
  const scope = (extension: z.output<typeof scoped>) =>
    extension?.enabled === true
      ? { lists: namesOf(extension.lists, hasWildcards), rooms: namesOf(extension.rooms, hasWildcards) }
      : undefined
  return {
    toDevice:
      toDevice?.enabled === true ? { since: toDevice.since ?? undefined, limit: toDevice.limit ?? DEFAULT_TO_DEVICE_LIMIT } : undefined,
    e2ee: given.e2ee?.enabled === true,
    accountData: given.account_data?.enabled === true,
    receipts: scope(receipts),
    typing: scope(typing),
    threadSubscriptions: threads?.enabled === true ? { limit: threads.limit ?? DEFAULT_THREAD_LIMIT } : undefined,
  }
}
