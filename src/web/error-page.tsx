import { OAuthError } from '../domain/oauth/oauth-error.ts'
import { MatrixError } from '../matrix/errors.ts'
import { log } from '../runtime/log.ts'
import { Layout, type PageElement } from './components/layout.tsx'
import { messages } from './messages/en.ts'

const FORBIDDEN = 403
const SERVER_ERROR = 500

/** What a refusal means to somebody in front of a form; `undefined` where it is no matter of theirs. */
export function explained(cause: unknown, wrongPassword: string = messages.errors.password): string | undefined {
  if (!(cause instanceof MatrixError)) return undefined
  switch (cause.errcode) {
    case 'M_FORBIDDEN':
      return wrongPassword
    case 'M_USER_DEACTIVATED':
      return messages.errors.deactivated
    case 'M_USER_LOCKED':
      return messages.errors.locked
    case 'M_LIMIT_EXCEEDED':
      return messages.errors.limit
    case 'M_USER_IN_USE':
      return messages.errors.inUse
    case 'M_INVALID_USERNAME':
      return messages.errors.username
    case 'M_WEAK_PASSWORD':
      return messages.errors.weak
    case 'M_USER_SUSPENDED':
      return messages.errors.suspended
    case 'M_INVALID_PARAM':
    case 'M_PROFILE_TOO_LARGE':
      return messages.errors.invalid
    case 'M_UNRECOGNIZED':
      return messages.errors.notFound
    default:
      return undefined
  }
}

/** A page that says what went wrong. Anything that is not a refusal is a defect: logged with its cause, of which the page says nothing. */
export function errorPage(serverName: string, cause: unknown, requestId: string): { readonly page: PageElement; readonly status: number } {
  const { text, status } = describe(cause, requestId)
  const page = (
    <Layout title={messages.errors.title} serverName={serverName}>
      <p role="alert">{text}</p>
    </Layout>
  )
  return { page, status }
}

function describe(cause: unknown, requestId: string): { readonly text: string; readonly status: number } {
  if (cause === 'form') return { text: messages.errors.form, status: FORBIDDEN }
  if (cause instanceof OAuthError) return { text: messages.errors.client, status: cause.status }
  if (cause instanceof MatrixError) return { text: explained(cause) ?? messages.errors.request, status: cause.status }
  log.error(`request ${requestId} for a page failed`, cause)
  return { text: messages.errors.server, status: SERVER_ERROR }
}
