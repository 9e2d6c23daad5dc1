import { hintedUser } from '../../domain/oauth/authorization-request.ts'
import { loginCookies, logoutCookies } from '../../domain/oauth/browser.ts'
import { logInAtBrowser, logOutAtBrowser } from '../../domain/oauth/browser-login.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { Field, Form, Problem } from '../components/form.tsx'
import { Layout } from '../components/layout.tsx'
import { loginPath, safeContinue } from '../continue.ts'
import { explained } from '../error-page.tsx'
import { messages } from '../messages/en.ts'
import { html, type PageInput, seeOther } from '../page.ts'

const PURPOSE = 'login'

function show(
  input: PageInput,
  next: string,
  username: string,
  problem?: { readonly text: string; readonly status: number },
): Promise<Response> {
  const { serverName, registration } = input.ctx.config
  const page = (
    <Layout title={messages.login.title} serverName={serverName}>
      <p>{messages.login.intro(serverName)}</p>
      <Problem text={problem?.text} />
      <Form action="/account/login" csrf={input.csrf(PURPOSE)} hidden={{ continue: next }}>
        <Field name="username" label={messages.login.username} value={username} autocomplete="username" />
        <Field name="password" label={messages.login.password} type="password" autocomplete="current-password" />
        <button type="submit">{messages.login.submit}</button>
      </Form>
      {registration === 'closed' ? null : (
        <p class="help">
          <a href={loginPath('register', next)}>{messages.login.register}</a>
        </p>
      )}
    </Layout>
  )
  return html(input, page, { status: problem?.status ?? 200 })
}

/** `GET /account/login`. */
export async function getLogin(input: PageInput): Promise<Response> {
  const next = safeContinue(input.url.searchParams.get('continue'))
  const hint = new URLSearchParams(next.slice(next.indexOf('?') + 1)).get('login_hint')
  return await show(input, next, hintedUser(hint ?? undefined).slice(0, 300))
}

/** `POST /account/login`. */
export async function postLogin(input: PageInput): Promise<Response> {
  input.requireOwnForm(PURPOSE)
  const { ctx, form } = input
  const next = safeContinue(form.get('continue'))
  const username = form.get('username') ?? ''
  try {
    const cookie = await logInAtBrowser(ctx, username, form.get('password') ?? '')
    await logOutAtBrowser(ctx, input.browser)
    return seeOther(input, next, { cookies: loginCookies(ctx.config, cookie) })
  } catch (cause) {
    const text = explained(cause, messages.errors.credentials)
    if (text === undefined || !(cause instanceof MatrixError)) throw cause
    return await show(input, next, username, { text, status: cause.status })
  }
}

/** `POST /account/logout`. */
export async function postLogout(input: PageInput): Promise<Response> {
  input.requireOwnForm('logout')
  await logOutAtBrowser(input.ctx, input.browser)
  return seeOther(input, loginPath('login', safeContinue(input.form.get('continue'))), { cookies: logoutCookies(input.ctx.config) })
}
