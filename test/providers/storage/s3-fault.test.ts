import { expect, it } from 'vitest'
import { errorOfAnswer } from '../../../src/providers/storage/s3/s3-fault.ts'
import { ObjectMissing, StorageFull } from '../../../src/providers/storage/storage.ts'

const errorOf = (status: number, code = '', headers: Record<string, string> = {}) =>
  errorOfAnswer(
    'PUT of an object',
    new Response(code && `<Error><Code>${code}</Code></Error>`, { status, headers }),
  )

it.each([
  [503, 'SlowDown', 'STORAGE_BUSY'],
  [503, '', 'STORAGE_BUSY'],
  [500, 'InternalError', 'STORAGE_BUSY'],
  [429, '', 'STORAGE_BUSY'],
  [409, 'ConditionalRequestConflict', 'STORAGE_BUSY'],
  [400, 'RequestTimeout', 'STORAGE_BUSY'],
  [400, 'XAmzContentSHA256Mismatch', 'STORAGE_BUSY'],
  [403, 'RequestTimeTooSkewed', 'STORAGE_CLOCK'],
  [403, 'SignatureDoesNotMatch', 'STORAGE_CREDENTIALS'],
  [403, 'AccessDenied', 'STORAGE_CREDENTIALS'],
  [403, '', 'STORAGE_CREDENTIALS'],
  [404, 'NoSuchBucket', 'STORAGE_BUCKET'],
  [301, 'PermanentRedirect', 'STORAGE_REGION'],
  [307, '', 'STORAGE_REGION'],
  [400, 'AuthorizationHeaderMalformed', 'STORAGE_REGION'],
  [400, 'InvalidRequest', 'STORAGE_REFUSED'],
] as const)('an answer %i %s means %s', async (status, code, fault) => {
  expect(await errorOf(status, code)).toMatchObject({ name: 'StorageFault', fault })
})

it('an answer says when the storage is full, an object is missing, and when to come back', async () => {
  for (const error of [await errorOf(403, 'QuotaExceeded'), await errorOf(507)])
    expect(error).toBeInstanceOf(StorageFull)
  for (const error of [await errorOf(404, 'NoSuchKey'), await errorOf(404)])
    expect(error).toBeInstanceOf(ObjectMissing)
  expect(await errorOf(503, 'SlowDown', { 'retry-after': '7' })).toMatchObject({ afterSeconds: 7 })
  expect(await errorOf(503, 'SlowDown', { 'retry-after': '99999999' })).toMatchObject({
    afterSeconds: undefined,
  })
})
