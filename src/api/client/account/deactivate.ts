import * as z from 'zod'
import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { markAccountDeactivated } from '../../../storage/d1/accounts.ts'
import { confirmedResponse, uiaRequest } from '../../confirmed.ts'
import { endpoint } from '../../endpoint.ts'
import { auth } from '../auth/schema.ts'

const Body = z.object({ erase: z.boolean().default(false), auth })

/** `POST /account/deactivate` (client-server-api#post_matrixclientv3accountdeactivate). */
export const deactivate = endpoint(
  {
    method: 'POST',
    path: clientPaths('account/deactivate'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'account',
    body: Body,
    emptyBody: true,
  },
  async ({ body, ctx }) => {
    const uia = uiaRequest(ctx, 'POST account/deactivate', [body.erase], body.auth)
    const outcome = await ctx.session.deactivate(body.erase, uia)
    // Nothing depends on this note: the account itself refuses logins from now on.
    if ('done' in unwrap(outcome) && ctx.claimedLocalpart !== undefined) await markAccountDeactivated(ctx.registry, ctx.claimedLocalpart)
    return confirmedResponse(ctx, outcome, { id_server_unbind_result: 'no-support' })
  },
)
