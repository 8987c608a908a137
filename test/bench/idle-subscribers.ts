import { measureIdle } from './fanout.ts'
import type { Row } from './row.ts'

const subscribers = { full: 10_000, quick: 500 }

/** Memory of subscribers that nothing happens to, of which a server may have very many. */
export const idleSubscribers: Row = {
  name: 'Heap of each of 10,000 idle subscribers (WebSocket)',
  unit: 'kB',
  better: 'lower',
  goal: 7.7, // 24 kB where a bare socket takes 3.1.
  async open(database, form) {
    // It does not vary as times do, and opening the sockets takes most of the time: each is measured once.
    const known = new Map<string, Promise<number>>()
    const measure = (variant: 'product' | 'bare', protocol: 'ws' | 'sse') => () => {
      const key = `${variant} ${protocol}`
      const measured =
        known.get(key) ?? measureIdle(database, { variant, protocol, subscribers: subscribers[form] })
      known.set(key, measured)
      return measured
    }
    return {
      product: measure('product', 'ws'),
      limit: measure('bare', 'ws'),
      others: {
        'the same by server-sent events': measure('product', 'sse'),
        'bare server-sent events': measure('bare', 'sse'),
      },
      close: async () => undefined,
    }
  },
}
