import { Field } from '../components/form.tsx'
import { messages } from '../messages/en.ts'

/** The way back to the whole page. */
export function Back() {
  return (
    <p>
      <a href="/account">{messages.account.back}</a>
    </p>
  )
}

/** A field for the password where it was not given a moment ago. */
export function PasswordField({ fresh }: { readonly fresh: boolean }) {
  return fresh ? null : <Field name="password" label={messages.account.yourPassword} type="password" autocomplete="current-password" />
}
