import { type AccountView, viewOf } from '../../domain/oauth/account-actions.ts'
import { userAt } from '../../domain/oauth/browser.ts'
import type { AccountOnPage } from '../../durable/user/oauth/account-page.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { Form, Problem } from '../components/form.tsx'
import { Layout } from '../components/layout.tsx'
import { loginPath, safeContinue } from '../continue.ts'
import { messages } from '../messages/en.ts'
import { html, type PageInput, seeOther } from '../page.ts'
import { Deactivation, ResetApproval, SignOut } from './confirmations.tsx'
import { Back } from './parts.tsx'
import { PasswordSection } from './password-section.tsx'
import { ProfileSection } from './profile-section.tsx'
import { DeviceFacts, Sessions } from './sessions.tsx'

/** What a page of the account is drawn from. */
export interface AccountPageState {
  readonly view: AccountView
  readonly deviceId: string | undefined
  /** What has been done, or what went wrong. */
  readonly notice?: string | undefined
  readonly problem?: { readonly text: string; readonly status: number } | undefined
}

const words = messages.account
const NOTICES = new Map([
  ['signed-out', words.signedOut],
  ['password', words.passwordChanged],
  ['reset', words.resetAllowed],
  ['profile', words.nameSaved],
])

/** `GET /account` (client-server-api#oauth-20-account-management), `action` and `device_id` as clients link to it. */
export async function getAccount(input: PageInput): Promise<Response> {
  const { searchParams } = input.url
  return await showAccount(input, {
    view: viewOf(searchParams.get('action')),
    deviceId: searchParams.get('device_id') ?? undefined,
    notice: NOTICES.get(searchParams.get('done') ?? ''),
  })
}

/** Draws the account page for whoever is logged in; everybody else logs in first. */
export async function showAccount(input: PageInput, state: AccountPageState): Promise<Response> {
  const { ctx, browser } = input
  const user = await userAt(ctx, browser)
  if (user === undefined) return seeOther(input, loginPath('login', safeContinue(pathOf(state))))
  const account = unwrap(await ctx.objects.user(user.userId).accountOnPage(user.cookie))
  const page = (
    <Layout title={titleOf(state.view)} serverName={ctx.config.serverName}>
      {state.notice === undefined ? null : (
        <p class="notice" role="status">
          {state.notice}
        </p>
      )}
      <Problem text={state.problem?.text} />
      <View input={input} account={account} state={state} />
    </Layout>
  )
  return await html(input, page, { status: state.problem?.status ?? 200 })
}

/** The address of a view. */
function pathOf({ view, deviceId }: AccountPageState): string {
  const actions: Readonly<Record<AccountView, string | undefined>> = {
    overview: undefined,
    device: 'org.matrix.device_view',
    'sign-out': 'org.matrix.device_delete',
    deactivate: 'org.matrix.account_deactivate',
    'cross-signing-reset': 'org.matrix.cross_signing_reset',
  }
  const action = actions[view]
  const query = new URLSearchParams({ ...(action !== undefined && { action }), ...(deviceId !== undefined && { device_id: deviceId }) })
  return query.size === 0 ? '/account' : `/account?${query}`
}

function titleOf(view: AccountView): string {
  if (view === 'sign-out') return words.signOutTitle
  if (view === 'deactivate') return words.deactivateTitle
  return view === 'cross-signing-reset' ? words.resetTitle : words.title
}

/** What the views are drawn from. */
export interface ViewProps {
  readonly input: PageInput
  readonly account: AccountOnPage
  readonly state: AccountPageState
}

function View(props: ViewProps) {
  const { input, account, state } = props
  const device = account.devices.find(({ deviceId }) => deviceId === state.deviceId)
  if (state.view === 'deactivate') return <Deactivation input={input} />
  if (state.view === 'cross-signing-reset') return <ResetApproval input={input} account={account} device={device} />
  if (state.view === 'overview') return <Overview {...props} />
  if (device === undefined) {
    return (
      <>
        <p role="alert">{words.noSuchSession}</p>
        <Back />
      </>
    )
  }
  if (state.view === 'sign-out') return <SignOut input={input} account={account} device={device} />
  return (
    <>
      <DeviceFacts device={device} />
      <p>
        <a href={`/account?${new URLSearchParams({ action: 'org.matrix.device_delete', device_id: device.deviceId })}`}>{words.signOut}</a>
      </p>
      <Back />
    </>
  )
}

function Overview({ input, account }: ViewProps) {
  return (
    <>
      <p>
        <strong>{account.userId}</strong>
      </p>
      <Sessions devices={account.devices} />
      <ProfileSection csrf={input.csrf('profile')} displayName={account.displayName} />
      <PasswordSection csrf={input.csrf('password')} username={account.userId} />
      <p class="muted">
        <a href="/account?action=org.matrix.cross_signing_reset">{words.resetTitle}</a>
        {' · '}
        <a href="/account?action=org.matrix.account_deactivate">{words.deactivateTitle}</a>
      </p>
      <Form action="/account/logout" csrf={input.csrf('logout')}>
        <button type="submit" class="plain">
          {words.logOut}
        </button>
      </Form>
    </>
  )
}
