import { logoutCookies, userAt } from '../../domain/oauth/browser.ts'
import type { AccountAction } from '../../durable/user/oauth/account-page.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { markAccountDeactivated } from '../../storage/d1/accounts.ts'
import { Layout } from '../components/layout.tsx'
import { loginPath } from '../continue.ts'
import { explained } from '../error-page.tsx'
import { messages } from '../messages/en.ts'
import { html, type PageInput, seeOther } from '../page.ts'
import { type AccountPageState, showAccount } from './account-page.tsx'

/**
 * Does what a form of the account page asks, and answers with `done`; a wrong password leads back to the form.
 */
async function act(input: PageInput, action: AccountAction, back: AccountPageState, done: () => Promise<Response>): Promise<Response> {
  const { ctx, browser, form } = input
  const user = await userAt(ctx, browser)
  if (user === undefined) return seeOther(input, loginPath('login', '/account'))
  const { clientAddress, requestId } = ctx
  try {
    unwrap(
      await ctx.objects.user(user.userId).actOnAccount(user.cookie, action, { password: form.get('password'), clientAddress, requestId }),
    )
  } catch (cause) {
    const text = explained(cause)
    if (text === undefined || !(cause instanceof MatrixError)) throw cause
    return await showAccount(input, { ...back, problem: { text, status: cause.status } })
  }
  return await done()
}

async function doneHere(input: PageInput, what: string): Promise<Response> {
  return seeOther(input, `/account?done=${what}`)
}

/** `POST /account/sign-out`. */
export async function postSignOut(input: PageInput): Promise<Response> {
  const deviceId = input.form.get('device_id') ?? ''
  input.requireOwnForm(`sign-out ${deviceId}`)
  return await act(input, { kind: 'sign-out-device', deviceId }, { view: 'sign-out', deviceId }, () => doneHere(input, 'signed-out'))
}

/** `POST /account/password`. */
export async function postPassword(input: PageInput): Promise<Response> {
  input.requireOwnForm('password')
  const { form } = input
  const action: AccountAction = {
    kind: 'change-password',
    newPassword: form.get('new_password') ?? '',
    logOutDevices: form.get('log_out') === 'yes',
  }
  return await act(input, action, { view: 'overview', deviceId: undefined }, () => doneHere(input, 'password'))
}

/** `POST /account/profile`. */
export async function postProfile(input: PageInput): Promise<Response> {
  input.requireOwnForm('profile')
  const action: AccountAction = { kind: 'set-display-name', displayName: (input.form.get('display_name') ?? '').trim() }
  return await act(input, action, { view: 'overview', deviceId: undefined }, () => doneHere(input, 'profile'))
}

/** `POST /account/cross-signing-reset` (MSC4312). */
export async function postCrossSigningReset(input: PageInput): Promise<Response> {
  const named = input.form.get('device_id') ?? ''
  input.requireOwnForm(`cross-signing-reset ${named}`)
  const deviceId = named === '' ? undefined : named
  const back: AccountPageState = { view: 'cross-signing-reset', deviceId }
  return await act(input, { kind: 'allow-cross-signing-reset', deviceId }, back, () => doneHere(input, 'reset'))
}

/** `POST /account/deactivate`. */
export async function postDeactivate(input: PageInput): Promise<Response> {
  input.requireOwnForm('deactivate')
  const { ctx, form, browser } = input
  const action: AccountAction = { kind: 'deactivate', erase: form.get('erase') === 'yes' }
  return await act(input, action, { view: 'deactivate', deviceId: undefined }, async () => {
    // Nothing depends on this note: the account itself refuses logins from now on.
    if (browser.userId !== undefined) await markAccountDeactivated(ctx.registry, browser.userId.slice(1, browser.userId.indexOf(':')))
    const page = (
      <Layout title={messages.account.deactivateTitle} serverName={ctx.config.serverName}>
        <p role="status">{messages.account.deactivated}</p>
      </Layout>
    )
    return await html(input, page, { cookies: logoutCookies(ctx.config) })
  })
}
