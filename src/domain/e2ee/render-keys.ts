import type { PublishedKeys } from '../../durable/user/e2ee/query-keys.ts'
import { jsonObjectOf } from './local-users.ts'

/** `device_keys` and the cross-signing keys of an answer about keys, as JSON without the braces. */
export function keySections(keys: ReadonlyMap<string, PublishedKeys>): string {
  const section = (pick: (published: PublishedKeys) => string | undefined): string =>
    jsonObjectOf(
      [...keys].flatMap(([userId, published]): [string, string][] => {
        const json = pick(published)
        return json === undefined ? [] : [[userId, json]]
      }),
    )
  const parts = [
    `"device_keys":${section(({ devices }) => jsonObjectOf(devices))}`,
    `"master_keys":${section(({ master }) => master)}`,
    `"self_signing_keys":${section(({ selfSigning }) => selfSigning)}`,
    `"user_signing_keys":${section(({ userSigning }) => userSigning)}`,
  ]
  return parts.join(',')
}
