import { privacyOptions } from '../account.ts'
import type { SimulatorContext } from '../context.ts'
import { type Reply, refuse } from '../http/reply.ts'
import type { Account } from '../record.ts'
import { draftStop, postingStop } from './posting-stop.ts'

const guidelines = 'https://developers.tiktok.com/doc/content-sharing-guidelines/'

/** Why a direct post may not be, in this order: the creator, the caps, the privacy level, the audit. */
export function directRefusal(
  context: SimulatorContext,
  account: Account,
  privacyLevel: string,
): Reply | undefined {
  const now = context.now()
  const stop = postingStop(context, account)
  if (stop) return refuse(403, stop, 'The creator can not post now.', now)
  if (!privacyOptions(account).includes(privacyLevel)) {
    return refuse(403, 'privacy_level_option_mismatch', 'privacy_level is not among the options.', now)
  }
  // SELF_ONLY alone does not help an unaudited app: the account has to be private too.
  if (!context.settings().audited && (!account.private || privacyLevel !== 'SELF_ONLY')) {
    const text = `Please review our integration guidelines at ${guidelines}`
    return refuse(403, 'unaudited_client_can_only_post_to_private_accounts', text, now)
  }
  return undefined
}

/** Why a draft may not be: the creator, and how many drafts they have not looked after. */
export function draftRefusal(context: SimulatorContext, account: Account): Reply | undefined {
  const stop = draftStop(context, account)
  return stop ? refuse(403, stop, 'The creator can not get drafts now.', context.now()) : undefined
}
