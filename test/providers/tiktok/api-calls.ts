import { wantedPost } from '../../simulator/support.ts'
import type { Call } from './call.ts'
import { token } from './support.ts'

export const postId = '7678907398077074696'
const publishId = `v_pub_file~v2-1.${postId}`
const uploadUrl = `https://upload.example.test/video/?upload_id=${postId}&upload_token=00000000-0000-4000-8000-000000000001`
const file = { videoSize: 5, plan: { kind: 'planned', chunkSize: 5, count: 1 } } as const

const ok = { code: 'ok', message: '', log_id: '2026L' }
const videoFields =
  'fields=id%2Ccreate_time%2Ccover_image_url%2Cshare_url%2Cembed_link%2Ctitle%2Cvideo_description%2Cduration' +
  '%2Cwidth%2Cheight%2Cview_count%2Clike_count%2Ccomment_count%2Cshare_count'
const tiktokVideo = { id: postId, create_time: 1_763_900_000, title: 'Bench', duration: 21, view_count: 42 }
const parsedVideo = {
  id: postId,
  createdAt: 1_763_900_000_000,
  title: 'Bench',
  durationSeconds: 21,
  viewCount: 42,
  likeCount: undefined,
}
/** Calls that answer an envelope. */
export const apiCalls: readonly Call[] = [
  {
    endpoint: 'creatorInfo',
    method: 'POST',
    path: '/v2/post/publish/creator_info/query/',
    perform: (client, signal) => client.creatorInfo(token, signal),
    sent: {},
    success: {
      data: {
        creator_avatar_url: 'https://cdn.example.test/a.jpeg',
        creator_username: 'ann',
        creator_nickname: 'Ann',
        privacy_level_options: ['SELF_ONLY', 'SOME_NEW_LEVEL'],
        comment_disabled: false,
        duet_disabled: true,
        stitch_disabled: true,
        max_video_post_duration_sec: 3600,
      },
      error: ok,
    },
    expected: {
      creator: {
        username: 'ann',
        nickname: 'Ann',
        avatarUrl: 'https://cdn.example.test/a.jpeg',
        privacyLevelOptions: ['SELF_ONLY', 'SOME_NEW_LEVEL'],
        commentDisabled: false,
        duetDisabled: true,
        stitchDisabled: true,
        maxDurationSeconds: 3600,
      },
    },
  },
  {
    endpoint: 'videoInit',
    method: 'POST',
    path: '/v2/post/publish/video/init/',
    perform: (client, signal) =>
      client.initDirectPost(token, wantedPost(5, { title: 'Hi', coverTimestampMs: 1500 }), signal),
    sent: {
      post_info: {
        title: 'Hi',
        privacy_level: 'PUBLIC_TO_EVERYONE',
        disable_comment: false,
        disable_duet: false,
        disable_stitch: false,
        video_cover_timestamp_ms: 1500,
        brand_content_toggle: false,
        brand_organic_toggle: false,
        is_aigc: true,
      },
      source_info: { source: 'FILE_UPLOAD', video_size: 5, chunk_size: 5, total_chunk_count: 1 },
    },
    success: { data: { publish_id: publishId, upload_url: uploadUrl }, error: ok },
    expected: { publishId },
  },
  {
    endpoint: 'inboxInit',
    method: 'POST',
    path: '/v2/post/publish/inbox/video/init/',
    perform: (client, signal) => client.initInboxVideo(token, file, signal),
    sent: { source_info: { source: 'FILE_UPLOAD', video_size: 5, chunk_size: 5, total_chunk_count: 1 } },
    success: { data: { publish_id: `v_inbox_file~v2.${postId}`, upload_url: uploadUrl }, error: ok },
    expected: { publishId: `v_inbox_file~v2.${postId}` },
  },
  {
    endpoint: 'photoInit',
    method: 'POST',
    path: '/v2/post/publish/content/init/',
    perform: (client, signal) =>
      client.initPhotoPost(
        token,
        {
          mode: 'DIRECT_POST',
          title: 'Three joints',
          description: 'From the bench',
          images: ['https://media.example.test/1.jpg'],
          coverIndex: 0,
          isAigc: true,
          privacyLevel: 'SELF_ONLY',
          disableComment: false,
          autoAddMusic: true,
          brandContent: false,
          brandOrganic: false,
        },
        signal,
      ),
    sent: {
      media_type: 'PHOTO',
      post_mode: 'DIRECT_POST',
      is_aigc: true,
      post_info: {
        title: 'Three joints',
        description: 'From the bench',
        privacy_level: 'SELF_ONLY',
        disable_comment: false,
        auto_add_music: true,
        brand_content_toggle: false,
        brand_organic_toggle: false,
      },
      source_info: {
        source: 'PULL_FROM_URL',
        photo_images: ['https://media.example.test/1.jpg'],
        photo_cover_index: 0,
      },
    },
    success: { data: { publish_id: `p_pub_url~v2-1.${postId}` }, error: ok },
    expected: { publishId: `p_pub_url~v2-1.${postId}` },
  },
  {
    endpoint: 'photoInit',
    method: 'POST',
    path: '/v2/post/publish/content/init/',
    perform: (client, signal) =>
      client.initPhotoPost(
        token,
        {
          mode: 'MEDIA_UPLOAD',
          title: 'T',
          description: 'D',
          images: ['https://media.example.test/1.jpg'],
          coverIndex: 0,
          isAigc: false,
        },
        signal,
      ),
    sent: {
      media_type: 'PHOTO',
      post_mode: 'MEDIA_UPLOAD',
      post_info: { title: 'T', description: 'D' },
      source_info: {
        source: 'PULL_FROM_URL',
        photo_images: ['https://media.example.test/1.jpg'],
        photo_cover_index: 0,
      },
    },
    success: { data: { publish_id: `p_pub_url~v2-1.${postId}` }, error: ok },
    expected: { publishId: `p_pub_url~v2-1.${postId}` },
  },
  {
    endpoint: 'status',
    method: 'POST',
    path: '/v2/post/publish/status/fetch/',
    perform: (client, signal) => client.status(token, publishId, signal),
    sent: { publish_id: publishId },
    success: {
      data: { status: 'FAILED', fail_reason: 'internal', publicaly_available_post_id: [] },
      error: ok,
    },
    expected: { status: 'FAILED', reportedStatus: 'FAILED', failReason: 'internal', publicPostIds: [] },
  },
  {
    endpoint: 'cancel',
    method: 'POST',
    path: '/v2/post/publish/cancel/',
    perform: (client, signal) => client.cancelPost(token, publishId, signal),
    sent: { publish_id: publishId },
    success: { error: ok },
    expected: {},
  },
  {
    endpoint: 'userInfo',
    method: 'GET',
    path: '/v2/user/info/?fields=open_id%2Cis_verified%2Clikes_count',
    perform: (client, signal) => client.userInfo(token, ['openId', 'isVerified', 'likesCount'], signal),
    success: {
      data: { user: { open_id: '-000', is_verified: false, likes_count: 5_000_000_000 } },
      error: ok,
    },
    expected: { user: { openId: '-000', isVerified: false, likesCount: 5_000_000_000 } },
  },
  {
    endpoint: 'videoList',
    method: 'POST',
    path: `/v2/video/list/?${videoFields}`,
    perform: (client, signal) =>
      client.listVideos(token, { cursor: 1_763_900_000_001, maxCount: 20 }, signal),
    sent: { cursor: 1_763_900_000_001, max_count: 20 },
    success: { data: { videos: [tiktokVideo], cursor: 1_763_900_000_000, has_more: true }, error: ok },
    expected: { videos: [parsedVideo], cursor: 1_763_900_000_000, hasMore: true },
  },
  {
    endpoint: 'videoQuery',
    method: 'POST',
    path: `/v2/video/query/?${videoFields}`,
    perform: (client, signal) => client.queryVideos(token, [postId], signal),
    sent: { filters: { video_ids: [postId] } },
    success: { data: { videos: [tiktokVideo] }, error: ok },
    expected: { videos: [parsedVideo] },
  },
]
