import { notFound } from '../../matrix/errors.ts'
import { deleteReport, findReport, listReports, type ReportKind, type ReportQuery, type StoredReport } from '../../storage/d1/reports.ts'
import { requireAdmin } from '../auth/require-admin.ts'
import type { RequestContext } from '../context.ts'

/** A page of reports. */
export interface ReportPage {
  readonly reports: readonly StoredReport[]
  readonly total: number
  /** Where the next page begins; absent at the end. */
  readonly next: number | undefined
}

/** Reports, for an administrator. @throws MatrixError M_FORBIDDEN. */
export async function readReports(ctx: RequestContext, query: ReportQuery): Promise<ReportPage> {
  await requireAdmin(ctx)
  const { reports, total } = await listReports(ctx.registry, query)
  const end = query.offset + reports.length
  return { reports, total, next: reports.length > 0 && end < total ? end : undefined }
}

/** One report with its event. @throws MatrixError M_FORBIDDEN, M_NOT_FOUND. */
export async function readReport(ctx: RequestContext, kind: ReportKind, id: number): Promise<StoredReport> {
  await requireAdmin(ctx)
  const report = await findReport(ctx.registry, kind, id)
  if (report === undefined) throw notFound('There is no such report')
  return report
}

/** Forgets a report that has been dealt with. @throws MatrixError M_FORBIDDEN, M_NOT_FOUND. */
export async function removeReport(ctx: RequestContext, kind: ReportKind, id: number): Promise<void> {
  await requireAdmin(ctx)
  if (!(await deleteReport(ctx.registry, kind, id))) throw notFound('There is no such report')
}
