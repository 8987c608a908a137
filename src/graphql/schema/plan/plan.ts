import { createPlan } from '../../../commands/plan/create-plan.ts'
import { acceptedPlanEvents } from '../../../commands/plan/transition-plan.ts'
import { updatePlan } from '../../../commands/plan/update-plan.ts'
import { countSlots, listPlans } from '../../../store/plan/plans.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import { builder } from '../builder.ts'
import { connectionOf } from '../connection.ts'
import { PlanConnection } from '../connection-type.ts'
import { NotPermittedInState } from '../error.ts'
import { decodeGlobalId } from '../global-id.ts'
import { Account, Plan } from '../ref.ts'
import { heldJobsFields } from './held-jobs.ts'

const PlanState = builder.enumType('PlanState', {
  description: 'Where a plan is between being written and being done.',
  values: {
    DRAFT: { value: 'draft', description: 'It is being written.' },
    IN_REVIEW: { value: 'inReview', description: 'It waits for approval.' },
    APPROVED: {
      value: 'approved',
      description: 'A person has approved it as it is. Any edit takes it back to draft.',
    },
    ARCHIVED: { value: 'archived', description: 'It is done with, for good.' },
  } as const,
})

builder.node(Plan, {
  description: 'A calendar of slots for one account.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is called.' }),
    timeZone: t.expose('timeZone', {
      type: 'TimeZone',
      description: 'The zone of the wall times of its slots.',
    }),
    state: t.expose('state', {
      type: PlanState,
      description: 'Where it is between being written and being done.',
    }),
    revision: t.expose('revision', { type: 'SafeInt', description: 'Rises by one with every change.' }),
    isAutopilotEnabled: t.exposeBoolean('autopilot', {
      description: 'Whether scans start jobs for its slots.',
    }),
    isLocked: t.exposeBoolean('locked', {
      description: 'Whether it is closed to edits, and its slots to scans.',
    }),
    availableEvents: t.stringList({
      description: 'What its state machine permits now, such as `submit`.',
      resolve: async (plan, _args, { read }) => {
        const slots = await read((tx) => countSlots(tx, plan.id))
        return [...acceptedPlanEvents(plan, slots)]
      },
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account that it posts to.',
      resolve: ({ accountId }, _args, { load }) => load.account.load(accountId),
    }),
    approvedAt: t.expose('approvedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was approved; null if it is not.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
  }),
})

builder.queryFields((t) => ({
  plan: t.field({
    type: Plan,
    nullable: true,
    description: 'One plan; null if there is none of this id.',
    authScopes: { read: true },
    args: { id: t.arg.id({ required: true, description: 'The plan.' }) },
    resolve: (_root, { id }, { load }) => {
      const decoded = decodeGlobalId(id)
      return decoded?.name === 'Plan' ? load.plan.load(decoded.id) : null
    },
  }),
  plans: t.connection(
    {
      type: Plan,
      description: 'The plans, the newest first.',
      authScopes: { read: true },
      args: { state: t.arg({ type: PlanState, description: 'Only those in this state.' }) },
      resolve: (_root, args, { viewer, read }) =>
        connectionOf({ list: 'plans', of: viewer.organizationId }, args, (page) =>
          read((tx) => listPlans(tx, viewer.organizationId, args.state ?? null, page)),
        ),
    },
    PlanConnection,
  ),
}))

defineMutation('createPlan', {
  description: 'Creates an empty plan as a draft, with autopilot off.',
  scope: 'write',
  input: {
    description: 'A plan to create.',
    ids: { accountId: ['Account'] },
    fields: (t) => ({
      accountId: t.id({ required: true, description: 'The account that it shall post to.' }),
      name: t.string({ required: true, description: 'What to call it, in 1 to 200 characters.' }),
      timeZone: t.field({
        type: 'TimeZone',
        required: true,
        description: 'The zone in which the wall times of its slots are meant.',
      }),
    }),
  },
  run: (tx, { accountId, name, timeZone }, { viewer: { organizationId } }) =>
    createPlan(tx, { organizationId, accountId, name, timeZone }),
  payload: {
    description: 'The plan that was created.',
    fields: (t) => ({
      plan: t.field({
        type: Plan,
        nullable: true,
        description: 'The plan.',
        resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
      }),
    }),
  },
})

defineMutation('updatePlan', {
  description: 'Renames a plan, or moves it to another time zone. Takes an approval back.',
  scope: 'write',
  errors: [NotPermittedInState],
  input: {
    description: 'What to change about a plan.',
    ids: { planId: ['Plan'] },
    fields: (t) => ({
      planId: t.id({ required: true, description: 'The plan.' }),
      name: t.string({ description: 'What to call it from now on, in 1 to 200 characters.' }),
      timeZone: t.field({
        type: 'TimeZone',
        description: 'Another zone: the wall times of its slots stay, and mean other instants.',
      }),
    }),
  },
  run: (tx, { planId, name, timeZone }, { deps, viewer: { organizationId } }) =>
    updatePlan(tx, deps, {
      organizationId,
      planId,
      name: name ?? undefined,
      timeZone: timeZone ?? undefined,
    }),
  payload: {
    description: 'The plan that was changed.',
    fields: (t) => ({
      ...heldJobsFields(t),
      plan: t.field({
        type: Plan,
        nullable: true,
        description: 'The plan as it is now.',
        resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
      }),
    }),
  },
})
