/** Small writes that ride along with the room's next commit instead of costing one of their own. */
export interface Rider {
  /** Inside the transaction; repeated with the next one if this one fails. */
  write(): void
  /** The transaction has succeeded. */
  committed(): void
}
