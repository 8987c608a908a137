/** The scopes that a grant without a browser has by default. */
export const defaultScopes = ['user.info.basic', 'video.list', 'video.publish', 'video.upload'] as const

/** Every scope that an app can request, in words for the person who decides. */
export const scopeDescriptions: Readonly<Record<string, string>> = {
  'user.info.basic': 'Read your profile: name and picture',
  'user.info.profile': 'Read your username, bio and profile link',
  'user.info.stats': 'Read your numbers of followers, likes and videos',
  'video.list': 'Read your public videos',
  'video.publish': 'Post to your profile',
  'video.upload': 'Send drafts to your inbox',
}
