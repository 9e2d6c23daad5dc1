import { Field, Form } from '../components/form.tsx'
import { messages } from '../messages/en.ts'

/** The form that changes the name which others see. */
export function ProfileSection({ csrf, displayName }: { readonly csrf: string; readonly displayName: string }) {
  const words = messages.account
  return (
    <section aria-labelledby="profile">
      <h2 id="profile">{words.profile}</h2>
      <Form action="/account/profile" csrf={csrf}>
        <Field name="display_name" label={words.displayName} value={displayName} autocomplete="nickname" maxLength={256} optional={true} />
        <button type="submit">{words.saveName}</button>
      </Form>
    </section>
  )
}
