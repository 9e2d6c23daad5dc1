import type { ObjectStore } from '../object-store.ts'

/** What an event said before it was redacted, as JSON text, as long as that is kept. Not to be shown to anybody. */
export function readOriginalContent(store: ObjectStore, nid: number): string | undefined {
  return store.first<{ content: string }>('SELECT content FROM redacted_originals WHERE nid = ?', nid)?.content
}
