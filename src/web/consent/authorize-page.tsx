import type { AuthorizationRequest, AuthorizationVerdict } from '../../domain/oauth/authorization-request.ts'
import { errorLocation } from '../../domain/oauth/authorization-request.ts'
import { allow, deny, readAuthorization, replacesDevice } from '../../domain/oauth/authorize.ts'
import { type LoggedInBrowser, userAt } from '../../domain/oauth/browser.ts'
import { clientTitle } from '../../domain/oauth/clients.ts'
import { Form } from '../components/form.tsx'
import { Layout } from '../components/layout.tsx'
import { loginPath } from '../continue.ts'
import { messages } from '../messages/en.ts'
import { html, type PageInput, seeOther } from '../page.ts'
import { ClientFacts } from './client-facts.tsx'

const PATH = '/oauth2/authorize'
const BAD_REQUEST = 400

/** Forms are bound to the request that they answer. */
function purposeOf(query: string): string {
  return `authorize ${query}`
}

/**
 * What must be said because a request is not good: to the client, or to the user alone. Anybody can register a client, so nobody is sent to one
 * by a mere link: only users who are logged in are, others are shown where it would lead (RFC 9700 section 4.11.2).
 */
async function refuse(input: PageInput, verdict: Exclude<AuthorizationVerdict, { kind: 'good' }>): Promise<Response> {
  const { ctx, browser } = input
  if (verdict.kind === 'answer' && (await userAt(ctx, browser)) !== undefined) return seeOther(input, verdict.location)
  const back = verdict.kind === 'answer' ? verdict.location : undefined
  const page = (
    <Layout title={messages.errors.title} serverName={ctx.config.serverName}>
      <p role="alert">{messages.errors[verdict.kind === 'answer' ? 'request' : verdict.problem]}</p>
      {back === undefined ? null : (
        <p>
          <a href={back} rel="noreferrer">
            {`${messages.errors.back}: ${targetOf(back)}`}
          </a>
        </p>
      )}
    </Layout>
  )
  return await html(input, page, { status: BAD_REQUEST })
}

/** The same request without what has been done about it already. */
function withoutPrompt(query: string): string {
  const params = new URLSearchParams(query)
  params.delete('prompt')
  return `${PATH}?${params}`
}

/** `GET /oauth2/authorize` (client-server-api#authorization-code-flow): login or registration first, then the user is asked. */
export async function getAuthorize(input: PageInput): Promise<Response> {
  const { ctx, browser } = input
  const query = input.url.search.slice(1)
  const verdict = await readAuthorization(ctx, query)
  if (verdict.kind !== 'good') return await refuse(input, verdict)
  const { request } = verdict
  // Nobody is let in without being asked.
  if (request.prompt === 'none') {
    const location = errorLocation(ctx.config, request, 'consent_required', 'The user must be asked')
    return await refuse(input, { kind: 'answer', location })
  }
  if (request.prompt !== undefined)
    return seeOther(input, loginPath(request.prompt === 'create' ? 'register' : 'login', withoutPrompt(query)))
  const user = await userAt(ctx, browser)
  if (user === undefined) return seeOther(input, loginPath('login', `${PATH}?${query}`))
  return await showConsent(input, request, user, query)
}

async function showConsent(input: PageInput, request: AuthorizationRequest, user: LoggedInBrowser, query: string): Promise<Response> {
  const { ctx } = input
  const words = messages.consent
  const { client, scope, redirectUri } = request
  const replaces = await replacesDevice(ctx, user, scope.deviceId)
  const page = (
    <Layout title={words.title(clientTitle(client))} serverName={ctx.config.serverName}>
      <p>
        {words.signedInAs} <strong>{user.userId}</strong>.
      </p>
      <ClientFacts client={client} deviceId={scope.deviceId} answersTo={targetOf(redirectUri)} />
      <p>{words.whatItCan}</p>
      <p class="warning">{words.unverified}</p>
      {replaces ? <p class="warning">{words.replaces}</p> : null}
      <Form action={PATH} csrf={input.csrf(purposeOf(query))} hidden={{ request: query }}>
        <div class="buttons">
          <button type="submit" name="decision" value="allow">
            {words.allow}
          </button>
          <button type="submit" name="decision" value="deny" class="plain">
            {words.deny}
          </button>
        </div>
      </Form>
      <Form action="/account/logout" csrf={input.csrf('logout')} hidden={{ continue: `${PATH}?${query}` }}>
        <button type="submit" class="plain">
          {words.switchAccount}
        </button>
      </Form>
    </Layout>
  )
  return await html(input, page, { formTarget: cspSource(redirectUri) })
}

/** Where the answer goes, as a user can judge it: host, or scheme of an application. */
function targetOf(redirectUri: string): string {
  const url = new URL(redirectUri)
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.host : url.protocol.slice(0, -1)
}

/** The source under which a policy names an address. Policies have no notation for addresses of IPv6. */
function cspSource(redirectUri: string): string {
  const url = new URL(redirectUri)
  const isHost = (url.protocol === 'https:' || url.protocol === 'http:') && !url.hostname.startsWith('[')
  return isHost ? url.origin : url.protocol
}

/** `POST /oauth2/authorize`: the user's decision. */
export async function postAuthorize(input: PageInput): Promise<Response> {
  const { ctx, form } = input
  const query = form.get('request') ?? ''
  input.requireOwnForm(purposeOf(query))
  const verdict = await readAuthorization(ctx, query)
  if (verdict.kind !== 'good') return await refuse(input, verdict)
  const user = await userAt(ctx, input.browser)
  if (user === undefined) return seeOther(input, loginPath('login', `${PATH}?${query}`))
  return seeOther(input, form.get('decision') === 'allow' ? await allow(ctx, user, verdict.request) : deny(ctx, verdict.request))
}
