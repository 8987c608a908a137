import { describe, expect, test } from 'vitest'
import { readCallback } from '../../../../src/providers/tiktok/oauth/callback.ts'

const read = (query: string) =>
  readCallback(new URL(`https://us.example.test/oauth/tiktok/callback?${query}`))

describe('a callback', () => {
  test('with a code decodes it once and lists the granted scopes', () => {
    const callback = read('code=a%2A0%214%2521.va&scopes=user.info.basic%2Cvideo.publish&state=s')
    expect(callback).toMatchObject({
      kind: 'granted',
      scopes: ['user.info.basic', 'video.publish'],
      state: 's',
    })
    expect(callback.kind === 'granted' && callback.code.reveal()).toBe('a*0!4%21.va')
    expect(JSON.stringify(callback)).not.toContain('0!4')
  })

  test('may have no granted scopes', () => {
    expect(read('code=c&scopes=&state=s')).toMatchObject({ kind: 'granted', scopes: [] })
  })

  test('with an error has its reason', () => {
    expect(read('error=access_denied&error_description=User+said+no&state=s')).toEqual({
      kind: 'refused',
      state: 's',
      error: 'access_denied',
      description: 'User said no',
    })
    expect(read('error=access_denied&error_type=non_sandbox_target&state=s')).toEqual({
      kind: 'refused',
      state: 's',
      error: 'access_denied',
      errorType: 'non_sandbox_target',
      description: '',
    })
  })

  test.each([
    '',
    'state=s',
    'code=c',
    'error=e',
    'code=&state=s',
    'code=c&error=e&state=s',
    'code=c&code=d&state=s',
  ])('with the query "%s" is malformed', (query) => {
    expect(read(query)).toEqual({ kind: 'malformed' })
  })
})
