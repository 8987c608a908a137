/** A delivery whose expected signature was computed by another program. */
export const completed =
  '{"client_key":"ck_local_demo","event":"post.publish.complete","create_time":1764000000,' +
  '"user_openid":"-000OpenIdDemo0001","content":"{\\"publish_id\\":\\"v_pub_file~v2-1.7600000000000000001\\",' +
  '\\"publish_type\\":\\"DIRECT_POST\\"}"}'
