import { Check, Field, Form } from '../components/form.tsx'
import { messages } from '../messages/en.ts'

/** The form that changes the password. Password managers want to see whose it is. */
export function PasswordSection({ csrf, username }: { readonly csrf: string; readonly username: string }) {
  const words = messages.account
  return (
    <section aria-labelledby="password-section">
      <h2 id="password-section">{words.changePassword}</h2>
      <Form action="/account/password" csrf={csrf}>
        <input type="text" name="username" value={username} autocomplete="username" readonly hidden />
        <Field name="password" label={words.currentPassword} type="password" autocomplete="current-password" />
        <Field name="new_password" label={words.newPassword} type="password" autocomplete="new-password" />
        <p>
          <Check name="log_out" label={words.logOutDevices} checked={true} />
        </p>
        <button type="submit">{words.changePasswordSubmit}</button>
      </Form>
    </section>
  )
}
