import * as z from 'zod'
import type { RequiredState, SlidingFilters } from '../../../durable/sliding-protocol.ts'
import { invalidParam } from '../../../matrix/errors.ts'

/*
 * What both forms of sliding sync have in common. Unknown keys, filters and extensions are ignored.
 */

/** Lists, and subscriptions, of one request. */
export const MAX_RULES = 100
/** Entries of one `required_state`. */
const MAX_PATTERNS = 200
const MAX_NAMES = 200

/** Rejects more rules than a request may have. @throws MatrixError M_INVALID_PARAM. */
export function checkRules(lists: object, subscriptions: object): void {
  if (Object.keys(lists).length > MAX_RULES) throw invalidParam(`At most ${MAX_RULES} lists`)
  if (Object.keys(subscriptions).length > MAX_RULES) throw invalidParam(`At most ${MAX_RULES} room subscriptions`)
}

/** Names of lists as merged (appendices#opaque-identifiers). @throws MatrixError M_INVALID_PARAM. */
export function checkListNames(lists: object): void {
  for (const name of Object.keys(lists))
    if (!/^[0-9A-Za-z._~-]{1,255}$/.test(name)) throw invalidParam('The name of a list is an opaque identifier')
}

/** `conn_id`. */
export const connectionId = z.string().max(255).nullish()

/** `timeline_limit`. */
export const timelineLimit = z.int().min(0)

/** A range of indexes, both inclusive. */
export const range = z.tuple([z.int().min(0), z.int().min(0)])

const names = z.array(z.string()).max(MAX_NAMES)

const filterFields = {
  is_dm: z.boolean().nullish(),
  is_encrypted: z.boolean().nullish(),
  spaces: names.nullish(),
  room_types: z.array(z.string().nullable()).max(MAX_NAMES).nullish(),
  not_room_types: z.array(z.string().nullable()).max(MAX_NAMES).nullish(),
  tags: names.nullish(),
  not_tags: names.nullish(),
  is_invite: z.boolean().nullish(),
  is_invited: z.boolean().nullish(),
}

/** `filters` of a list. The name of one filter was changed when the proposal was merged. */
export const filters = z
  .object(filterFields)
  .nullish()
  .transform(
    (given): SlidingFilters => ({
      isDm: given?.is_dm ?? undefined,
      isEncrypted: given?.is_encrypted ?? undefined,
      isInvite: given?.is_invited ?? given?.is_invite ?? undefined,
      spaces: given?.spaces ?? undefined,
      roomTypes: given?.room_types ?? undefined,
      notRoomTypes: given?.not_room_types ?? undefined,
      tags: given?.tags ?? undefined,
      notTags: given?.not_tags ?? undefined,
    }),
  )

/** `required_state` as clients shipped it: pairs in which `*` stands for anything, `$ME` for the user, and `$LAZY` for members as they are needed. */
export const requiredStatePairs = z.array(z.tuple([z.string(), z.string()])).max(MAX_PATTERNS)

/** Brings pairs into the form of {@link RequiredState}. */
export function fromPairs(pairs: z.output<typeof requiredStatePairs>, userId: string): readonly RequiredState[] {
  const isLazy = ([type, stateKey]: readonly [string, string]): boolean => type === 'm.room.member' && stateKey === '$LAZY'
  const include = pairs
    .filter((pair) => !isLazy(pair))
    .map(([type, stateKey]) => ({
      ...(type === '*' ? {} : { type }),
      ...(stateKey === '*' ? {} : { stateKey: stateKey === '$ME' ? userId : stateKey }),
    }))
  return [{ include, exclude: [], lazyMembers: pairs.some(isLazy) }]
}

const pattern = z.object({ type: z.string().optional(), state_key: z.string().optional() }).transform(({ type, state_key: stateKey }) => ({
  ...(type === undefined ? {} : { type }),
  ...(stateKey === undefined ? {} : { stateKey }),
}))

/** `required_state` as merged. */
export const requiredStateObject = z
  .object({
    include: z.array(pattern).max(MAX_PATTERNS).nullish(),
    exclude: z.array(pattern).max(MAX_PATTERNS).nullish(),
    lazy_members: z.boolean().nullish(),
  })
  .transform((given): readonly RequiredState[] => [
    { include: given.include ?? [], exclude: given.exclude ?? [], lazyMembers: given.lazy_members ?? false },
  ])
