import { streamedJson } from '../../http/json-response.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { BackedUpSession } from '../../storage/user/key-backup-sessions.ts'
import type { RequestContext } from '../context.ts'

/**
 * The sessions of a backup, `{"rooms": …}`, or of one of its rooms, `{"sessions": …}`: streamed page by page, because a backup may be larger than a
 * Worker's memory. Sessions stored meanwhile may or may not be in it.
 * @throws MatrixError M_NOT_FOUND, before anything is sent.
 */
export async function streamBackup(
  ctx: RequestContext,
  version: string,
  roomId: string | undefined,
  render: (session: BackedUpSession) => string,
): Promise<Response> {
  let page = unwrap(await ctx.session.backedUpSessions(version, roomId, undefined))
  async function* chunks(): AsyncGenerator<string> {
    let openRoom: string | undefined
    yield roomId === undefined ? '{"rooms":{' : '{"sessions":{'
    let separator = ''
    for (;;) {
      let text = ''
      for (const session of page.sessions) {
        if (roomId === undefined && session.roomId !== openRoom) {
          text += `${openRoom === undefined ? '' : '}},'}${JSON.stringify(session.roomId)}:{"sessions":{`
          openRoom = session.roomId
          separator = ''
        }
        text += `${separator}${JSON.stringify(session.sessionId)}:${render(session)}`
        separator = ','
      }
      yield text
      if (!page.more) break
      page = unwrap(await ctx.session.backedUpSessions(version, roomId, page.sessions.at(-1)))
      // The request's own session was closed with its headers.
      ctx.close()
    }
    yield openRoom === undefined ? '}}' : '}}}}'
  }
  return streamedJson(chunks(), { requestId: ctx.requestId })
}
