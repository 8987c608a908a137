import { Secret } from '../../../src/secret.ts'
import type { Call } from './call.ts'
import { token } from './support.ts'

const grantBody = {
  access_token: 'act.a',
  refresh_token: 'rft.b',
  expires_in: 7200,
  refresh_expires_in: 15_552_000,
  open_id: '-000',
  scope: 'video.publish,video.upload',
  token_type: 'Bearer',
}
const grant = {
  grant: {
    expiresInSeconds: 7200,
    refreshExpiresInSeconds: 15_552_000,
    openId: '-000',
    scopes: ['video.publish', 'video.upload'],
  },
}

/** Calls whose errors have OAuth's flat shape. */
export const oauthCalls: readonly Call[] = [
  {
    endpoint: 'token',
    method: 'POST',
    path: '/v2/oauth/token/',
    perform: (client, signal) =>
      client.exchangeCode(
        { code: new Secret('co*de!'), redirectUri: 'https://a.test/', codeVerifier: new Secret('v') },
        signal,
      ),
    sent:
      'client_key=ck&client_secret=cs&grant_type=authorization_code&code=co*de%21' +
      '&redirect_uri=https%3A%2F%2Fa.test%2F&code_verifier=v',
    success: grantBody,
    expected: grant,
  },
  {
    endpoint: 'token',
    method: 'POST',
    path: '/v2/oauth/token/',
    perform: (client, signal) => client.refreshToken(new Secret('rft.a'), signal),
    sent: 'client_key=ck&client_secret=cs&grant_type=refresh_token&refresh_token=rft.a',
    success: grantBody,
    expected: grant,
  },
  {
    endpoint: 'revoke',
    method: 'POST',
    path: '/v2/oauth/revoke/',
    perform: (client, signal) => client.revoke(token, signal),
    sent: 'client_key=ck&client_secret=cs&token=act.test',
    success: {},
    expected: {},
  },
]
