import { describe, expect, test } from 'vitest'
import { call } from './raw-request.ts'
import { startPair } from './support.ts'

describe('a repeat of the last chunk', () => {
  async function sentTwice(repeatedChunk: 416 | 206) {
    const pair = await startPair({ repeatedChunk })
    const size = 10_000_001
    const source = { source: 'FILE_UPLOAD', video_size: size, chunk_size: 5_000_000, total_chunk_count: 2 }
    const { data } = await call(pair, '/v2/post/publish/video/init/', {
      post_info: { privacy_level: 'SELF_ONLY' },
      source_info: source,
    })
    const put = async (first: number, last: number) => {
      const response = await fetch(String(data.upload_url), {
        method: 'PUT',
        body: new Uint8Array(last - first + 1),
        headers: { 'content-type': 'video/mp4', 'content-range': `bytes ${first}-${last}/${size}` },
      })
      return `${response.status} ${response.headers.get('content-range')}`
    }
    const answers = []
    for (const [first, last] of [
      [0, 4_999_999],
      [0, 4_999_999],
      [5_000_000, 10_000_000],
      [5_000_000, 10_000_000],
      [0, 4_999_999],
    ] as const) {
      answers.push(await put(first, last))
    }
    expect(pair.local.counters()).toMatchObject({ puts: 2, bytes: size, repeatedChunks: 2 })
    return answers
  }
  const [half, whole] = ['bytes 0-5000000/10000001', 'bytes 0-10000001/10000001']

  test('is answered with 416 by default', async () => {
    expect(await sentTwice(416)).toEqual([
      `206 ${half}`,
      `416 ${half}`,
      `201 ${whole}`,
      `416 ${whole}`,
      `416 ${whole}`,
    ])
  })

  test('is accepted when the setting says so, but a repeat of an older chunk is not', async () => {
    expect(await sentTwice(206)).toEqual([
      `206 ${half}`,
      `206 ${half}`,
      `201 ${whole}`,
      `201 ${whole}`,
      `416 ${whole}`,
    ])
  })
})
