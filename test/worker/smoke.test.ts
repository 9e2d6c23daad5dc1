import { exports } from 'cloudflare:workers'
import { expect, it } from 'vitest'

it('answers an unknown path as Matrix wants it', async () => {
  const response = await exports.default.fetch('https://test.example/_matrix/client/v3/no-such-endpoint')
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ errcode: 'M_UNRECOGNIZED' })
})
