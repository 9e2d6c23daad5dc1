import { loginCookies } from '../../domain/oauth/browser.ts'
import { logOutAtBrowser, registerAtBrowser } from '../../domain/oauth/browser-login.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { Field, Form, Problem } from '../components/form.tsx'
import { Layout } from '../components/layout.tsx'
import { loginPath, safeContinue } from '../continue.ts'
import { explained } from '../error-page.tsx'
import { messages } from '../messages/en.ts'
import { html, type PageInput, seeOther } from '../page.ts'

const PURPOSE = 'register'
const FORBIDDEN = 403

function showClosed(input: PageInput, next: string): Promise<Response> {
  const page = (
    <Layout title={messages.register.title} serverName={input.ctx.config.serverName}>
      <p role="alert">{messages.register.closed}</p>
      <p class="help">
        <a href={loginPath('login', next)}>{messages.register.login}</a>
      </p>
    </Layout>
  )
  return html(input, page, { status: FORBIDDEN })
}

function show(
  input: PageInput,
  next: string,
  username: string,
  problem?: { readonly text: string; readonly status: number },
): Promise<Response> {
  const { serverName, registration } = input.ctx.config
  const words = messages.register
  const page = (
    <Layout title={words.title} serverName={serverName}>
      <Problem text={problem?.text} />
      <Form action="/account/register" csrf={input.csrf(PURPOSE)} hidden={{ continue: next }}>
        <Field name="username" label={words.username} help={words.usernameHelp(serverName)} value={username} autocomplete="username" />
        <Field name="password" label={words.password} type="password" autocomplete="new-password" />
        {registration === 'token' ? <Field name="token" label={words.token} help={words.tokenHelp} autocomplete="off" /> : null}
        <button type="submit">{words.submit}</button>
      </Form>
      <p class="help">
        <a href={loginPath('login', next)}>{words.login}</a>
      </p>
    </Layout>
  )
  return html(input, page, { status: problem?.status ?? 200 })
}

/** `GET /account/register`. */
export async function getRegister(input: PageInput): Promise<Response> {
  const next = safeContinue(input.url.searchParams.get('continue'))
  return await (input.ctx.config.registration === 'closed' ? showClosed(input, next) : show(input, next, ''))
}

/** `POST /account/register`: the rules are those of registering by the API (SECURITY A19). */
export async function postRegister(input: PageInput): Promise<Response> {
  input.requireOwnForm(PURPOSE)
  const { ctx, form } = input
  const next = safeContinue(form.get('continue'))
  if (ctx.config.registration === 'closed') return await showClosed(input, next)
  const username = form.get('username') ?? ''
  try {
    const account = { username, password: form.get('password') ?? '', registrationToken: form.get('token') ?? '' }
    const cookie = await registerAtBrowser(ctx, account)
    await logOutAtBrowser(ctx, input.browser)
    return seeOther(input, next, { cookies: loginCookies(ctx.config, cookie) })
  } catch (cause) {
    const text = explained(cause, messages.errors.token)
    if (text === undefined || !(cause instanceof MatrixError)) throw cause
    return await show(input, next, username, { text, status: cause.status })
  }
}
