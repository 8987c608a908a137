import { drain } from './drain.ts'
import { commitToSubscriber, streamFanout, webSocketFanout } from './fanout.ts'
import { graphqlJob, graphqlPage } from './graphql.ts'
import { idleSubscribers } from './idle-subscribers.ts'
import { hotWindow, manyWindows } from './rate-limit-windows.ts'
import { render } from './render.ts'
import type { Row } from './row.ts'
import { scan, scanNothing } from './scan.ts'
import { startToFirstStep } from './start-job.ts'
import { transitions } from './transitions.ts'
import { workflow } from './workflow.ts'

export const rows: readonly Row[] = [
  workflow,
  drain,
  transitions,
  manyWindows,
  hotWindow,
  render,
  startToFirstStep,
  commitToSubscriber,
  webSocketFanout,
  streamFanout,
  idleSubscribers,
  scan,
  scanNothing,
  graphqlJob,
  graphqlPage,
]
