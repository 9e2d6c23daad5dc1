import type { Registry } from './open.ts'

/** What can be reported. */
export type ReportKind = 'event' | 'room' | 'user'

/** What a user has reported. */
export interface Report {
  readonly kind: ReportKind
  /** ID of the event, room or user. */
  readonly target: string
  /** User ID of whoever reported it. */
  readonly reporter: string
  readonly roomId: string | undefined
  /** Who sent the event, or is meant. */
  readonly sender: string | undefined
  readonly reason: string | undefined
  /** The event as whoever reported it saw it. */
  readonly eventJson: string | undefined
  readonly createdTs: number
}

/** A report as it is kept. */
export interface StoredReport extends Report {
  readonly id: number
}

/** Which reports are listed. */
export interface ReportQuery {
  readonly kind: ReportKind
  readonly reporter: string | undefined
  readonly roomId: string | undefined
  readonly sender: string | undefined
  readonly newestFirst: boolean
  /** Reports passed over. */
  readonly offset: number
  readonly limit: number
}

/** Reports of one user in a day. */
const MAX_PER_DAY = 50
const DAY_MS = 86_400_000
/** Reports that are kept at all: administrators delete what they have dealt with. */
const MAX_REPORTS = 100_000

/** Files a report; saying the same again changes the reason. Answers false where the user, or everybody, has reported too much. One round trip. */
export async function insertReport(registry: Registry, report: Report): Promise<boolean> {
  const { kind, target, reporter, roomId, sender, reason, eventJson, createdTs } = report
  const { meta } = await registry.sql
    .prepare(
      `INSERT INTO reports (kind, target, reporter, room_id, sender, reason, event_json, created_ts) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
       WHERE (SELECT COUNT(*) FROM reports WHERE reporter = ?3 AND created_ts > ?9) < ?10 AND (SELECT COUNT(*) FROM reports) < ?11
       ON CONFLICT (reporter, kind, target) DO UPDATE SET reason = excluded.reason`,
    )
    .bind(
      ...[kind, target, reporter, roomId ?? null, sender ?? null, reason ?? null, eventJson ?? null, createdTs],
      ...[createdTs - DAY_MS, MAX_PER_DAY, MAX_REPORTS],
    )
    .run()
  return meta.changes > 0
}

interface Row {
  readonly id: number
  readonly kind: ReportKind
  readonly target: string
  readonly reporter: string
  readonly room_id: string | null
  readonly sender: string | null
  readonly reason: string | null
  readonly event_json: string | null
  readonly created_ts: number
}

function fromRow(row: Row): StoredReport {
  return {
    ...{ id: row.id, kind: row.kind, target: row.target, reporter: row.reporter, createdTs: row.created_ts },
    roomId: row.room_id ?? undefined,
    sender: row.sender ?? undefined,
    reason: row.reason ?? undefined,
    eventJson: row.event_json ?? undefined,
  }
}

const WHERE = 'kind = ?1 AND (?2 IS NULL OR reporter = ?2) AND (?3 IS NULL OR room_id = ?3) AND (?4 IS NULL OR sender = ?4)'

/** A page of reports without their events, and how many there are in all. One round trip. */
export async function listReports(
  registry: Registry,
  query: ReportQuery,
): Promise<{ readonly reports: readonly StoredReport[]; readonly total: number }> {
  const { kind, reporter, roomId, sender, newestFirst, offset, limit } = query
  const filter = [kind, reporter ?? null, roomId ?? null, sender ?? null]
  const columns = 'id, kind, target, reporter, room_id, sender, reason, NULL AS event_json, created_ts'
  const [page, count] = await registry.sql.batch<Row | { readonly total: number }>([
    registry.sql
      .prepare(`SELECT ${columns} FROM reports WHERE ${WHERE} ORDER BY id ${newestFirst ? 'DESC' : 'ASC'} LIMIT ?5 OFFSET ?6`)
      .bind(...filter, limit, offset),
    registry.sql.prepare(`SELECT COUNT(*) AS total FROM reports WHERE ${WHERE}`).bind(...filter),
  ])
  const reports = (page?.results ?? []).flatMap((row) => ('id' in row ? [fromRow(row)] : []))
  const [first] = count?.results ?? []
  return { reports, total: first !== undefined && 'total' in first ? first.total : 0 }
}

/** One report with its event. */
export async function findReport(registry: Registry, kind: ReportKind, id: number): Promise<StoredReport | undefined> {
  const row = await registry.sql.prepare('SELECT * FROM reports WHERE id = ? AND kind = ?').bind(id, kind).first<Row>()
  return row === null ? undefined : fromRow(row)
}

/** Answers whether there was such a report. */
export async function deleteReport(registry: Registry, kind: ReportKind, id: number): Promise<boolean> {
  const { meta } = await registry.sql.prepare('DELETE FROM reports WHERE id = ? AND kind = ?').bind(id, kind).run()
  return meta.changes > 0
}
