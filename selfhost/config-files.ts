import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'

type Values = Readonly<Record<string, string>>

/** Content of a file that a setting names; `undefined`, with a problem, where it cannot be read. */
async function content(values: Values, name: string, problems: string[]): Promise<string | undefined> {
  const path = values[name]
  if (path === undefined) return undefined
  return await readFile(path, 'utf8').catch((cause: Error) => {
    problems.push(`${name}: ${cause.message}`)
    return undefined
  })
}

/** What a reader makes of a file's content; `undefined`, with a problem, where it makes nothing of it. */
function parsed<T>(text: string | undefined, problem: string, read: (text: string) => T, problems: string[]): T | undefined {
  if (text === undefined) return undefined
  try {
    return read(text)
  } catch {
    problems.push(problem)
    return undefined
  }
}

/** Looks into every file and folder that the settings name, so that what is wrong with them is said before anything starts. */
export async function checkFiles(values: Values, problems: string[]): Promise<void> {
  const readCertificate = (text: string): X509Certificate => new X509Certificate(text)
  const readKey = (text: string): KeyObject => createPrivateKey(text)
  const [certText, keyText, caText] = [
    await content(values, 'MYELIN_TLS_CERT', problems),
    await content(values, 'MYELIN_TLS_KEY', problems),
    await content(values, 'MYELIN_EXTRA_CA', problems),
  ]
  const certificate = parsed(certText, 'MYELIN_TLS_CERT does not hold a certificate in PEM', readCertificate, problems)
  const key = parsed(keyText, 'MYELIN_TLS_KEY does not hold an unencrypted private key in PEM', readKey, problems)
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    problems.push('MYELIN_TLS_KEY is not the key of the certificate in MYELIN_TLS_CERT')
  }
  parsed(caText, 'MYELIN_EXTRA_CA does not hold a certificate in PEM', readCertificate, problems)
  const appservices = values.MYELIN_APPSERVICES
  if (appservices === undefined) return
  const isDirectory = await stat(appservices).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isDirectory) problems.push(`MYELIN_APPSERVICES is ${JSON.stringify(appservices)}, which is not a directory`)
}
