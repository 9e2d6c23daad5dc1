/** What sync asks of typing and receipts. Both answer the content of one event as JSON, or nothing. */
export interface EphemeralReads {
  /** The typing users, if the list changed in `afterPos < pos ≤ toPos`. */
  typingContent(afterPos: number, toPos: number, ignoredUsers: readonly string[]): string | undefined
  /** Receipts of that range that the reader may see; `null` asks for all. */
  receiptsContent(readerId: string, afterPos: number | null, toPos: number, ignoredUsers: readonly string[]): string | undefined
}
