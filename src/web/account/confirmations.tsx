import type { AccountOnPage, DeviceOnPage } from '../../durable/user/oauth/account-page.ts'
import { Check, Field, Form } from '../components/form.tsx'
import { messages } from '../messages/en.ts'
import type { PageInput } from '../page.ts'
import { Back, PasswordField } from './parts.tsx'
import { DeviceFacts } from './sessions.tsx'

const words = messages.account

/** Asks before a session is signed out. */
export function SignOut({
  input,
  account,
  device,
}: {
  readonly input: PageInput
  readonly account: AccountOnPage
  readonly device: DeviceOnPage
}) {
  return (
    <>
      <DeviceFacts device={device} />
      <p>{words.signOutText}</p>
      <Form action="/account/sign-out" csrf={input.csrf(`sign-out ${device.deviceId}`)} hidden={{ device_id: device.deviceId }}>
        <PasswordField fresh={account.fresh} />
        <button type="submit" class="danger">
          {words.signOut}
        </button>
      </Form>
      <Back />
    </>
  )
}

/** Asks before cross-signing keys may be replaced, by the session that asked for it or by any (MSC4312). */
export function ResetApproval({
  input,
  account,
  device,
}: {
  readonly input: PageInput
  readonly account: AccountOnPage
  readonly device: DeviceOnPage | undefined
}) {
  const deviceId = device?.deviceId ?? ''
  return (
    <>
      <p class="warning">{words.resetText}</p>
      {device === undefined ? null : (
        <>
          <p>{words.resetFor}:</p>
          <DeviceFacts device={device} />
        </>
      )}
      <Form action="/account/cross-signing-reset" csrf={input.csrf(`cross-signing-reset ${deviceId}`)} hidden={{ device_id: deviceId }}>
        <PasswordField fresh={account.fresh} />
        <button type="submit" class="danger">
          {words.resetSubmit}
        </button>
      </Form>
      <Back />
    </>
  )
}

/** Asks before the account is closed for ever. */
export function Deactivation({ input }: { readonly input: PageInput }) {
  return (
    <>
      <p class="warning">{words.deactivateText}</p>
      <Form action="/account/deactivate" csrf={input.csrf('deactivate')}>
        <Field name="password" label={words.yourPassword} type="password" autocomplete="current-password" />
        <p>
          <Check name="erase" label={words.erase} checked={false} />
        </p>
        <button type="submit" class="danger">
          {words.deactivateSubmit}
        </button>
      </Form>
      <Back />
    </>
  )
}
