import type { ObjectStore } from '../object-store.ts'

/** What a cross-signing key is for (client-server-api#cross-signing). */
export type CrossSigningUsage = 'master' | 'self_signing' | 'user_signing'

/** Every usage. */
export const CROSS_SIGNING_USAGES: readonly CrossSigningUsage[] = ['master', 'self_signing', 'user_signing']

/** A cross-signing key: its public half in unpadded Base64, and the signed object as JSON text. */
export interface CrossSigningKeyRow {
  readonly usage: CrossSigningUsage
  readonly publicKey: string
  readonly key: string
}

/** The user's key of a usage. */
export function readCrossSigningKey(store: ObjectStore, usage: CrossSigningUsage): CrossSigningKeyRow | undefined {
  const row = store.first<{ public_key: string; key: string }>('SELECT public_key, key FROM cross_signing_keys WHERE usage = ?', usage)
  return row && { usage, publicKey: row.public_key, key: row.key }
}

/** Whether a text is the public half of one of the user's cross-signing keys. */
export function isCrossSigningKey(store: ObjectStore, publicKey: string): boolean {
  return store.first('SELECT 1 AS found FROM cross_signing_keys WHERE public_key = ?', publicKey) !== undefined
}

/** Sets the user's key of a usage. */
export function writeCrossSigningKey(store: ObjectStore, { usage, publicKey, key }: CrossSigningKeyRow): void {
  store.run('INSERT OR REPLACE INTO cross_signing_keys (usage, public_key, key) VALUES (?, ?, ?)', usage, publicKey, key)
}

/** Removes a key. */
export function deleteCrossSigningKey(store: ObjectStore, usage: CrossSigningUsage): void {
  store.run('DELETE FROM cross_signing_keys WHERE usage = ?', usage)
}
