import type { ObjectStore } from '../object-store.ts'
import { MAX_REMEMBERED_MESSAGES } from './limits.ts'

/** Whether a message of the other server has come before. */
export function isMessageKnown(store: ObjectStore, messageId: string): boolean {
  return store.first('SELECT 1 AS one FROM received_messages WHERE message_id = ?', messageId) !== undefined
}

/** Remembers a message; the oldest are forgotten. The caller holds the transaction. */
export function rememberMessage(store: ObjectStore, messageId: string): void {
  store.run('INSERT INTO received_messages (message_id) VALUES (?)', messageId)
  store.run('DELETE FROM received_messages WHERE number <= (SELECT max(number) FROM received_messages) - ?', MAX_REMEMBERED_MESSAGES)
}
