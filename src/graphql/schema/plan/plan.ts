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
  description: 'The state of a plan.',
  values: {
    DRAFT: { value: 'draft', description: 'The plan is being edited.' },
    IN_REVIEW: { value: 'inReview', description: 'The plan waits for approval.' },
    APPROVED: {
      value: 'approved',
      description: 'A person has approved the plan. Any edit returns it to DRAFT.',
    },
    ARCHIVED: { value: 'archived', description: 'The plan is archived permanently.' },
  } as const,
})

const PlanRendering = builder.enumType('PlanRendering', {
  description: 'When the videos of a plan are rendered.',
  values: {
    AFTER_APPROVAL: {
      value: 'afterApproval',
      description: 'By the jobs of the slots, after the approval. Nothing is rendered that is not approved.',
    },
    BEFORE_REVIEW: {
      value: 'beforeReview',
      description:
        'By previews, which start when the plan is submitted for review: reviewers see the videos.',
    },
  } as const,
})

builder.node(Plan, {
  description: 'A calendar of slots for one account.',
  authScopes: { read: true },
  id: { resolve: ({ id }) => id },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name of the plan.' }),
    timeZone: t.expose('timeZone', {
      type: 'TimeZone',
      description: "The time zone of the slots' wall times.",
    }),
    state: t.expose('state', {
      type: PlanState,
      description: 'The state of the plan.',
    }),
    revision: t.expose('revision', {
      type: 'SafeInt',
      description: 'The revision of the plan. It increases by one with every change.',
    }),
    isAutopilotEnabled: t.exposeBoolean('autopilot', {
      description: "Whether scans start jobs for the plan's slots.",
    }),
    isLocked: t.exposeBoolean('locked', {
      description: 'Whether the plan is locked: it cannot be edited, scans skip it, and its jobs are held.',
    }),
    rendering: t.expose('rendering', {
      type: PlanRendering,
      description: 'When the videos of the plan are rendered.',
    }),
    availableEvents: t.stringList({
      description: 'The events that the plan accepts in its state, such as `submit`.',
      resolve: async (plan, _args, { read }) => {
        const slots = await read((tx) => countSlots(tx, plan.id))
        return [...acceptedPlanEvents(plan, slots)]
      },
    }),
    account: t.field({
      type: Account,
      nullable: true,
      description: 'The account that the plan posts to; null if it no longer exists.',
      resolve: ({ accountId }, _args, { load }) => load.account.load(accountId),
    }),
    approvedAt: t.expose('approvedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the plan was approved; null if it is not approved.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the plan was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the plan last changed.' }),
  }),
})

builder.queryFields((t) => ({
  plan: t.field({
    type: Plan,
    nullable: true,
    description: 'A plan by its global id; null if it does not exist.',
    authScopes: { read: true },
    args: { id: t.arg.id({ required: true, description: 'The global id of the plan.' }) },
    resolve: (_root, { id }, { load }) => {
      const decoded = decodeGlobalId(id)
      return decoded?.name === 'Plan' ? load.plan.load(decoded.id) : null
    },
  }),
  plans: t.connection(
    {
      type: Plan,
      description: 'The plans, newest first.',
      authScopes: { read: true },
      args: { state: t.arg({ type: PlanState, description: 'Only plans in this state.' }) },
      resolve: (_root, args, { viewer, read }) =>
        connectionOf({ list: 'plans', of: viewer.organizationId }, args, (page) =>
          read((tx) => listPlans(tx, viewer.organizationId, args.state ?? null, page)),
        ),
    },
    PlanConnection,
  ),
}))

defineMutation('createPlan', {
  description: 'Creates an empty plan in state DRAFT, with autopilot off.',
  scope: 'write',
  input: {
    description: 'Input of `createPlan`.',
    ids: { accountId: ['Account'] },
    fields: (t) => ({
      accountId: t.id({ required: true, description: 'The account that the plan posts to.' }),
      name: t.string({ required: true, description: 'The name of the plan, 1 to 200 characters.' }),
      timeZone: t.field({
        type: 'TimeZone',
        required: true,
        description: "The time zone of the slots' wall times.",
      }),
      rendering: t.field({
        type: PlanRendering,
        required: true,
        defaultValue: 'afterApproval',
        description: 'When the videos of the plan are rendered.',
      }),
    }),
  },
  run: (tx, { accountId, name, timeZone, rendering }, { viewer: { organizationId } }) =>
    createPlan(tx, { organizationId, accountId, name, timeZone, rendering }),
  payload: {
    description: 'The result of `createPlan`.',
    fields: (t) => ({
      plan: t.field({
        type: Plan,
        nullable: true,
        description: 'The created plan; null if it no longer exists.',
        resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
      }),
    }),
  },
})

defineMutation('updatePlan', {
  description:
    'Changes the name, the time zone or the time of rendering of a plan. Returns an approved plan to DRAFT. Fails with NOT_PERMITTED_IN_STATE if the plan is locked or archived.',
  scope: 'write',
  errors: [NotPermittedInState],
  input: {
    description: 'Input of `updatePlan`. Omitted fields stay unchanged.',
    ids: { planId: ['Plan'] },
    fields: (t) => ({
      planId: t.id({ required: true, description: 'The plan to update.' }),
      name: t.string({ description: 'The new name, 1 to 200 characters.' }),
      timeZone: t.field({
        type: 'TimeZone',
        description:
          'The new time zone. Slots keep their wall times, so they are published at other instants.',
      }),
      rendering: t.field({ type: PlanRendering, description: 'When the videos of the plan are rendered.' }),
    }),
  },
  run: (tx, { planId, name, timeZone, rendering }, { deps, viewer: { organizationId } }) =>
    updatePlan(tx, deps, {
      organizationId,
      planId,
      name: name ?? undefined,
      timeZone: timeZone ?? undefined,
      rendering: rendering ?? undefined,
    }),
  payload: {
    description: 'The result of `updatePlan`.',
    fields: (t) => ({
      ...heldJobsFields(t),
      plan: t.field({
        type: Plan,
        nullable: true,
        description: 'The plan after the mutation; null if it no longer exists.',
        resolve: ({ planId }, _args, { load }) => load.plan.load(planId),
      }),
    }),
  },
})
