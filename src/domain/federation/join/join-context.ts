import { objectsOf } from '../../../durable/objects.ts'
import type { Env } from '../../../runtime/bindings.ts'
import { configOf } from '../../../runtime/config.ts'
import { openRegistry } from '../../../storage/d1/open.ts'
import type { RequestContext } from '../../context.ts'

/** What joining a room works with. A {@link RequestContext} is one; joins outlive requests, though, and have their own. */
export type JoinContext = Pick<RequestContext, 'env' | 'config' | 'registry' | 'objects' | 'requestId'>

/** The context of a join outside of any request. */
export function joinContext(env: Env, requestId: string): JoinContext {
  return { env, config: configOf(env), registry: openRegistry(env, requestId), objects: objectsOf(env, requestId), requestId }
}
