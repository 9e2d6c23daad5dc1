import type { RequestContext } from '../domain/context.ts'
import { forbidden } from '../matrix/errors.ts'

/** Refuses unless the user in a path is the one whose token this is. @throws MatrixError M_FORBIDDEN. */
export function requireOwnUser(ctx: RequestContext, userId: string): void {
  if (userId !== ctx.claimedUserId) throw forbidden('You may only do that for your own account')
}
