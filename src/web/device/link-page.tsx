import { replacesDevice } from '../../domain/oauth/authorize.ts'
import { type LoggedInBrowser, userAt } from '../../domain/oauth/browser.ts'
import { clientTitle } from '../../domain/oauth/clients.ts'
import { decide, findDeviceGrant, type PendingDeviceGrant } from '../../domain/oauth/device-grant.ts'
import { UNKNOWN_ADDRESS } from '../../http/context.ts'
import { Field, Form, Problem } from '../components/form.tsx'
import { Layout } from '../components/layout.tsx'
import { ClientFacts } from '../consent/client-facts.tsx'
import { loginPath, safeContinue } from '../continue.ts'
import { messages } from '../messages/en.ts'
import { html, type PageInput, seeOther } from '../page.ts'

const PATH = '/oauth2/link'
const words = messages.link

function purposeOf(userCode: string): string {
  return `link ${userCode}`
}

/** `GET /oauth2/link`: where the user types the code of another device, or comes with it (RFC 8628 section 3.3). */
export async function getLink(input: PageInput): Promise<Response> {
  const user = await userAt(input.ctx, input.browser)
  if (user === undefined) return seeOther(input, loginPath('login', safeContinue(`${PATH}${input.url.search}`)))
  const code = input.url.searchParams.get('code') ?? ''
  return code === '' ? await showEntry(input, code) : await showDecision(input, user, code)
}

/** Asks for the code. Sending it changes nothing, so it is sent in the address. */
function showEntry(input: PageInput, code: string, problem?: string): Promise<Response> {
  const page = (
    <Layout title={words.title} serverName={input.ctx.config.serverName}>
      <p>{words.intro}</p>
      <Problem text={problem} />
      <form method="get" action={PATH}>
        <Field name="code" label={words.code} value={code.slice(0, 20)} autocomplete="one-time-code" maxLength={20} />
        <button type="submit">{words.submit}</button>
      </form>
    </Layout>
  )
  return html(input, page, { status: problem === undefined ? 200 : 404 })
}

async function showDecision(input: PageInput, user: LoggedInBrowser, code: string): Promise<Response> {
  const pending = await findDeviceGrant(input.ctx, user, code)
  if (pending === undefined) return await showEntry(input, code, words.unknown)
  const { client, scope, row } = pending
  const replaces = await replacesDevice(input.ctx, user, scope.deviceId)
  const page = (
    <Layout title={messages.consent.title(clientTitle(client))} serverName={input.ctx.config.serverName}>
      <p>
        {messages.consent.signedInAs} <strong>{user.userId}</strong>.
      </p>
      <ClientFacts client={client} deviceId={scope.deviceId} />
      <Origin row={row} />
      <p>{messages.consent.whatItCan}</p>
      <p class="warning">{words.warning}</p>
      {replaces ? <p class="warning">{messages.consent.replaces}</p> : null}
      <Form action={PATH} csrf={input.csrf(purposeOf(code))} hidden={{ code }}>
        <div class="buttons">
          <button type="submit" name="decision" value="allow">
            {messages.consent.allow}
          </button>
          <button type="submit" name="decision" value="deny" class="plain">
            {messages.consent.deny}
          </button>
        </div>
      </Form>
    </Layout>
  )
  return await html(input, page)
}

/** Where and when the device asked: the user can tell whether it was theirs (SECURITY A10). */
function Origin({ row }: { readonly row: PendingDeviceGrant['row'] }) {
  const iso = new Date(row.createdTs).toISOString()
  return (
    <dl>
      {row.clientAddress === UNKNOWN_ADDRESS ? null : (
        <>
          <dt>{words.startedFrom}</dt>
          <dd>{row.clientAddress}</dd>
        </>
      )}
      <dt>{words.startedAt}</dt>
      <dd>
        <time datetime={iso}>{`${iso.slice(0, 16).replace('T', ' ')} UTC`}</time>
      </dd>
    </dl>
  )
}

/** `POST /oauth2/link`: the user's decision. */
export async function postLink(input: PageInput): Promise<Response> {
  const code = input.form.get('code') ?? ''
  input.requireOwnForm(purposeOf(code))
  const { ctx } = input
  const user = await userAt(ctx, input.browser)
  if (user === undefined) return seeOther(input, loginPath('login', `${PATH}?${new URLSearchParams({ code })}`))
  const pending = await findDeviceGrant(ctx, user, code)
  const allowed = input.form.get('decision') === 'allow'
  const decided = pending !== undefined && (await decide(ctx, user, pending, allowed))
  const page = (
    <Layout title={words.title} serverName={ctx.config.serverName}>
      <p role="status">{decided ? (allowed ? words.allowed : words.denied) : words.over}</p>
    </Layout>
  )
  return await html(input, page, { status: decided ? 200 : 404 })
}
