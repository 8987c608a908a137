import { setQuotaZone } from '../../../commands/quota/set-quota-zone.ts'
import { readCalendar } from '../../../store/quota/balances.ts'
import { idempotencyKey } from '../../mutation/idempotency-key.ts'
import { mutate, refusals } from '../../mutation/mutate.ts'
import { builder } from '../builder.ts'
import { ownOrganization } from '../organization.ts'
import { Organization } from '../ref.ts'

builder.objectField(Organization, 'timeZone', (t) =>
  t.field({
    type: 'TimeZone',
    description: 'The zone that its quotas count days and months by.',
    resolve: async ({ id }, _args, { read }) => (await read((tx) => readCalendar(tx, id))).timeZone,
  }),
)

builder.relayMutationField(
  'setTimeZone',
  {
    description: 'Another zone for the organization.',
    inputFields: (t) => ({
      timeZone: t.field({
        type: 'TimeZone',
        required: true,
        description: 'The zone that its quotas shall count days and months by.',
      }),
      idempotencyKey: idempotencyKey(t),
    }),
  },
  {
    description:
      "Sets the organization's own zone. The present day and month go on as they stand, to the new zone's end. Plans have zones of their own. Takes the admin scope.",
    authScopes: { admin: true },
    errors: { types: [...refusals] },
    resolve: (_root, { input }, context, info) => {
      const { organizationId } = context.viewer
      const { timeZone } = input
      return mutate(context, info, input, (tx) => setQuotaZone(tx, { organizationId, timeZone }))
    },
  },
  {
    description: 'The organization in its zone.',
    authScopes: { read: true },
    outputFields: (t) => ({
      organization: t.field({
        type: Organization,
        description: 'The organization as it is now.',
        resolve: (_done, _args, context) => ownOrganization(context),
      }),
    }),
  },
)
