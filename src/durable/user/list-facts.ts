import { isJsonObject } from '../../matrix/json.ts'
import { accountDataOfType, readAccountData } from '../../storage/user/account-data.ts'
import type { UserCore } from './user-core.ts'

type Tags = ReadonlyMap<string, ReadonlySet<string>>

/**
 * What of the user's account data decides in which lists rooms are. Read anew after changes of account data; as long as it says the same, it is the
 * same object, on which lists that were made with it depend.
 */
export class ListFacts {
  #isStale = true
  #directText: string | undefined
  #direct: ReadonlySet<string> = new Set()
  #tagsAreStale = true
  #tagsText = ''
  #tags: Tags = new Map()

  /** Account data is changing. */
  invalidate(): void {
    this.#isStale = true
    this.#tagsAreStale = true
  }

  /** Direct rooms by `m.direct` (client-server-api#direct-messaging). */
  directRooms(core: UserCore): ReadonlySet<string> {
    if (!this.#isStale) return this.#direct
    const text = readAccountData(core.store, '', 'm.direct')
    if (text !== this.#directText) this.#direct = directIn(text)
    this.#directText = text
    this.#isStale = false
    return this.#direct
  }

  /** Names of tags by room. */
  tags(core: UserCore): Tags {
    if (!this.#tagsAreStale) return this.#tags
    const rows = accountDataOfType(core.store, 'm.tag')
    const text = JSON.stringify(rows.map(({ roomId, content }) => [roomId, content]))
    if (text !== this.#tagsText) this.#tags = new Map(rows.map(({ roomId, content }) => [roomId, tagNames(JSON.parse(content))]))
    this.#tagsText = text
    this.#tagsAreStale = false
    return this.#tags
  }
}

function directIn(text: string | undefined): ReadonlySet<string> {
  const content: unknown = text === undefined ? undefined : JSON.parse(text)
  if (!isJsonObject(content)) return new Set()
  return new Set(Object.values(content).flatMap((rooms) => (Array.isArray(rooms) ? rooms.filter((room) => typeof room === 'string') : [])))
}

function tagNames(content: unknown): ReadonlySet<string> {
  const tags = isJsonObject(content) ? content.tags : undefined
  return new Set(isJsonObject(tags) ? Object.keys(tags) : [])
}
