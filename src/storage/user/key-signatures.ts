import type { ObjectStore } from '../object-store.ts'

/** A signature by one of this user's keys. */
export interface KeySignatureRow {
  /** Whose key is signed. */
  readonly userId: string
  /** Device ID, or public half of a master key. */
  readonly target: string
  /** Key identifier of the signer, e.g. `ed25519:…`. */
  readonly signer: string
  /** Unpadded Base64. */
  readonly signature: string
}

/** Signatures by this user over one key. Bounded: there are as many signers as devices and cross-signing keys of this user. */
export function signaturesOver(store: ObjectStore, userId: string, target: string): KeySignatureRow[] {
  return store
    .all<{ signer: string; signature: string }>(
      'SELECT signer, signature FROM key_signatures WHERE user_id = ? AND target = ?',
      userId,
      target,
    )
    .map(({ signer, signature }) => ({ userId, target, signer, signature }))
}

/** Signatures by this user over the keys of others, of the users given. */
export function signaturesOverUsers(store: ObjectStore, userIds: readonly string[]): KeySignatureRow[] {
  return store
    .all<{ user_id: string; target: string; signer: string; signature: string }>(
      'SELECT user_id, target, signer, signature FROM key_signatures WHERE user_id IN (SELECT value FROM json_each(?))',
      JSON.stringify(userIds),
    )
    .map((row) => ({ userId: row.user_id, target: row.target, signer: row.signer, signature: row.signature }))
}

/** How many signatures there are. */
export function countSignatures(store: ObjectStore): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM key_signatures')?.count ?? 0
}

/** Adds or replaces a signature. */
export function writeSignature(store: ObjectStore, { userId, target, signer, signature }: KeySignatureRow): void {
  store.run(
    'INSERT OR REPLACE INTO key_signatures (user_id, target, signer, signature) VALUES (?, ?, ?, ?)',
    userId,
    target,
    signer,
    signature,
  )
}

/** Removes signatures over one key. */
export function deleteSignaturesOver(store: ObjectStore, userId: string, target: string): void {
  store.run('DELETE FROM key_signatures WHERE user_id = ? AND target = ?', userId, target)
}

/** Removes every signature that one key made. */
export function deleteSignaturesBy(store: ObjectStore, signer: string): void {
  store.run('DELETE FROM key_signatures WHERE signer = ?', signer)
}

/** Removes everything; only where the account goes. */
export function deleteAllSignatures(store: ObjectStore): void {
  store.run('DELETE FROM key_signatures')
}
