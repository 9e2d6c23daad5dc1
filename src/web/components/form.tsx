import type { PropsWithChildren } from 'hono/jsx'

/** A form that posts to this server, with what proves that it came from here. */
export interface FormProps {
  readonly action: string
  readonly csrf: string
  /** Fields that the user does not see. */
  readonly hidden?: Readonly<Record<string, string>>
}

/** {@link FormProps}. */
export function Form({ action, csrf, hidden = {}, children }: PropsWithChildren<FormProps>) {
  return (
    <form method="post" action={action}>
      <input type="hidden" name="csrf" value={csrf} />
      {Object.entries(hidden).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      {children}
    </form>
  )
}

/** A field with its label and, if there is more to say, a sentence that belongs to it. */
export interface FieldProps {
  readonly name: string
  readonly label: string
  readonly help?: string | undefined
  readonly type?: 'text' | 'password'
  readonly value?: string
  readonly autocomplete: string
  readonly maxLength?: number
  readonly optional?: boolean
}

/** {@link FieldProps}. */
export function Field({ name, label, help, type = 'text', value = '', autocomplete, maxLength = 600, optional = false }: FieldProps) {
  const helpId = help === undefined ? undefined : `${name}-help`
  return (
    <>
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type={type}
        value={value}
        autocomplete={autocomplete}
        maxlength={maxLength}
        autocapitalize="none"
        spellcheck={false}
        aria-describedby={helpId}
        required={!optional}
      />
      {help === undefined ? null : (
        <p class="help" id={helpId}>
          {help}
        </p>
      )}
    </>
  )
}

/** A box to tick. */
export function Check({ name, label, checked }: { readonly name: string; readonly label: string; readonly checked: boolean }) {
  return (
    <label class="check">
      <input type="checkbox" name={name} value="yes" checked={checked} />
      {label}
    </label>
  )
}

/** What went wrong with a form, said where screen readers announce it. */
export function Problem({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : (
    <p class="error" role="alert">
      {text}
    </p>
  )
}
